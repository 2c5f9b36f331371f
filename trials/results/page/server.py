"""Serves the page of an experiment on 127.0.0.1, from a thread of the command that watches or shows the experiment.

GET /  /page.css  /page.js  /charts.js      the page, which loads nothing from elsewhere
GET /data.json                              content.py's tree, which the page asks for every few seconds
GET /pictures/TRIAL/tune-003.png            a picture of a trial that the tree names
"""

import contextlib
import json
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

from datagen.errors import InputError
from datagen.files.regular_files import read_whole
from trials.experiment.record import read_record
from trials.experiment.state import query_state
from trials.results.page.content import before_experiment, page_content
from trials.results.page.door import LOOPBACK, Openings, why_not, why_not_user
from trials.running.run_folder import PREDICTIONS

FRESH = 2.0  # [s] for which a tree is served again: several windows may ask
POLL = 0.1  # [s] between two looks whether to end
PATIENCE = 10.0  # [s] for a request to arrive
CONNECTIONS = 64  # at a time
MOST_PICTURE = 20_000_000  # [bytes]
BROWSER = Path(__file__).with_name("browser")
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
HEADERS = {
    # nothing from elsewhere, no code within the page, and no other page around it
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class PageServer:
    """The page at `url`, until `close`; empty until `show` is called."""

    def __init__(self, port: int, name: str = "") -> None:
        """Listens on `port`, or on any free one when that is taken.  `name`: of the experiment to come."""
        self.doing = ""  # what the command does besides the experiment, a sentence
        self._name = name
        self._folder: Path | None = None
        self._tree: dict[str, Any] = {}
        self._made = -FRESH
        self._lock = threading.Lock()
        try:
            self._server = _Server(port, self)
        except (OSError, OverflowError):
            self._server = _Server(0, self)
        self.url = f"http://{LOOPBACK}:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=[POLL], daemon=True, name="page").start()

    def show(self, folder: Path) -> None:
        """From now on it shows the experiment in `folder`."""
        self._folder = folder

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def content(self) -> dict[str, Any]:
        """The tree, at most some seconds old.  Raises InputError when the experiment's files cannot be read."""
        with self._lock:
            if self._folder is None:
                return before_experiment(self._name, self.doing)
            if time.monotonic() - self._made >= FRESH:
                record = read_record(self._folder)
                self._tree = page_content(record, query_state(record), self.doing)
                self._made = time.monotonic()
            return self._tree

    def picture(self, trial: str, name: str) -> bytes:
        """A picture that the tree names.  Raises InputError: it does not."""
        for each in self.content()["trials"]:
            if each["id"] == trial and name in each["pictures"]:
                return read_whole(Path(each["folder"], PREDICTIONS, name), MOST_PICTURE)
        raise InputError(f"{name}: trial {trial} has no such picture")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int, page: PageServer) -> None:
        self.page = page
        self.opened = Openings.of(os.environ)
        self._room = threading.BoundedSemaphore(CONNECTIONS)
        super().__init__((LOOPBACK, port), _Handler)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Before a thread is started for it."""
        reason = why_not_user(request, self.opened)
        if reason is not None:
            with contextlib.suppress(OSError):
                request.sendall(b"HTTP/1.0 403 Forbidden\r\nContent-Type: text/plain\r\n\r\n" + reason.encode() + b"\n")
        return reason is None and self._room.acquire(blocking=False)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves early is no news."""


class _Handler(BaseHTTPRequestHandler):
    timeout = PATIENCE
    server_version, sys_version = "SeisNAS", ""

    @property
    def _page(self) -> PageServer:
        return cast(_Server, self.server).page

    def do_GET(self) -> None:
        words = self.requestline.split(" ")  # `self.path` is corrected, and split at spaces that are no ASCII too
        target = words[1] if len(words) == 3 else ""
        refusal = why_not(self.command, target, self.headers, cast(_Server, self.server).opened)
        if refusal is not None:
            status, reason = refusal
            return self._answer(status, "text/plain; charset=utf-8", f"{reason}\n".encode())
        try:
            self._answer(200, *self._found(target))
        except (InputError, OSError) as error:
            self._answer(500, "text/plain; charset=utf-8", f"{error}\n".encode())

    def _found(self, target: str) -> tuple[str, bytes]:
        """Type and content."""
        if target == "/data.json":
            return "application/json", json.dumps(self._page.content(), allow_nan=False).encode()
        if target.startswith("/pictures/"):
            _, _, trial, name = target.split("/")
            return "image/png", self._page.picture(trial, name)
        file = BROWSER / (target[1:] or "page.html")
        return f"{TYPES[file.suffix]}; charset=utf-8", file.read_bytes()

    def _answer(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **HEADERS}.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(OSError):  # the client has gone
            self.wfile.write(content)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Requests that cannot be read, and methods other than GET."""
        refused = 400 if code in (501, 505) else code
        self.close_connection = True
        with contextlib.suppress(OSError):
            self._answer(refused, "text/plain; charset=utf-8", b"there is no such address\n")

    def log_message(self, format: str, *args: Any) -> None:
        """The terminal shows the experiment."""
