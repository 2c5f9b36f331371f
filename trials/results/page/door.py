"""Who may see the page: the rules that the guard has for NNI's page (trials/experiment/guard/portal), in Python.

    our user ─ from this machine ─ by a name we know ─ from our own page ─ to an address there is ──► the page
      uid         /proc/net/tcp        Host              Origin, Sec-Fetch     in one spelling        else 403, 400

SEISNAS_PORTAL_HOSTS and SEISNAS_PORTAL_UIDS open it as they open NNI's page; it always listens on 127.0.0.1 only.
"""

import os
import re
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from pathlib import Path

from datagen.errors import InputError

LOOPBACK = "127.0.0.1"
TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
ESTABLISHED = "01"  # in any other state the client may be gone, and the table says 0 (root) for its user
OPEN = re.compile(r"/(|[a-z]+\.(css|js)|data\.json|pictures/\w+/[\w-]+\.png)", re.ASCII)  # targets, whole


@dataclass(frozen=True)
class Openings:
    """Who is let in."""

    hosts: frozenset[str]  # names, lower case
    uids: frozenset[int]

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Openings":
        """Ourselves, and whom the variables name.  Raises InputError: a user that is no number."""
        users = _words(environment.get("SEISNAS_PORTAL_UIDS"))
        if wrong := next((user for user in users if not re.fullmatch("[0-9]+", user)), None):
            raise InputError(f"SEISNAS_PORTAL_UIDS={wrong}: not the number of a user (id -u NAME)")
        names = [name.lower() for name in _words(environment.get("SEISNAS_PORTAL_HOSTS"))]
        return cls(frozenset([LOOPBACK, "localhost", *names]), frozenset([os.getuid(), *map(int, users)]))


def why_not_user(connection: socket.socket, opened: Openings) -> str | None:
    """Why the other end of a connection is refused, before anything it says is read; None if it may stay.

    Linux only: other systems have no such table, so users of the machine cannot be told apart.
    """
    if sys.platform != "linux":
        return None
    uid = _uid_of_peer(connection)
    if uid in opened.uids:
        return None
    return f"user {'?' if uid is None else uid} of this machine is not allowed (SEISNAS_PORTAL_UIDS)"


def why_not(method: str, target: str, headers: Message, opened: Openings) -> tuple[int, str] | None:
    """Status and reason of a refused request; None for one that may be answered.  `target`: as it was sent."""
    if reason := _host(headers, opened) or _origin(headers):
        return 403, reason
    if method != "GET" or not OPEN.fullmatch(target):
        return 400, "there is no such address"
    return None


def _host(headers: Message, opened: Openings) -> str | None:
    """evil.example can resolve to 127.0.0.1, and its page then has our own origin."""
    given = headers.get_all("Host", [])
    name = re.sub(r":\d+$", "", given[0]).lower() if len(given) == 1 else ""
    return None if name in opened.hosts else f"host {name} is not allowed (SEISNAS_PORTAL_HOSTS)"


def _origin(headers: Message) -> str | None:
    """Any page in the user's browser can send requests here; only links to the page may come from elsewhere."""
    here = headers.get("Host", "")
    for page in headers.get_all("Origin", []):
        if re.sub("^https?://", "", page) != here:
            return f"origin {page} is not allowed"
    followed = headers.get("Sec-Fetch-Mode") == "navigate"
    if not followed and headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):
        return "a request of another page is not allowed"
    return None


def _words(text: str | None) -> list[str]:
    return [word.strip() for word in (text or "").split(",") if word.strip()]


def _uid_of_peer(connection: socket.socket) -> int | None:
    """From Linux's table of connections; None if it is not there."""
    try:
        theirs, ours = _hex(connection.getpeername()), _hex(connection.getsockname())
    except OSError:  # it has closed already
        return None
    for table in TABLES:
        for line in table.read_text().splitlines()[1:] if table.exists() else ():
            _, local, remote, state, _, _, _, uid, *_ = line.split()
            if state == ESTABLISHED and local.endswith(theirs) and remote.endswith(ours):
                return int(uid)
    return None


def _hex(end: tuple[str, int]) -> str:
    """127.0.0.1, 8080 → 0100007F:1F90."""
    address, port = end
    return f"{socket.inet_aton(address)[::-1].hex()}:{port:04x}".upper()
