"""Who is let in."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trials.experiment.nni import portal

WEBSOCKET = {"Connection": "Upgrade", "Upgrade": "websocket"}

Request = tuple[str, str, dict[str, str]]


@pytest.fixture
def answers(node: Any, manager: Path) -> Callable[..., Any]:
    """The status of each request; 101 for a websocket that is let in."""

    def ask(*requests: Request, **environment: str) -> Any:
        guard = json.dumps(str(portal.GUARD.parent / "portal" / "targets.js"))
        channel = f"require({guard}).openChannel('/platform/remote/1?key=5');"  # as a host is given
        manager.write_text(f"{channel} require('./serve').answer({json.dumps(requests)});")
        return node(manager, **environment)

    return ask


def test_the_portal_answers_its_own_page_and_python(answers: Any) -> None:
    own: Request = (
        "PUT",
        "/api/v1/nni/experiment",
        {"Origin": "http://localhost:PORT", "Sec-Fetch-Site": "same-origin"},
    )
    tunnel: Request = ("PUT", "/api/v1/nni/experiment", {"Host": "localhost:9000", "Origin": "http://localhost:9000"})
    link: Request = ("GET", "/oview", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"})
    python: Request = ("POST", "/api/v1/nni/experiment", {"Host": "127.0.0.1:PORT"})
    websocket: Request = ("GET", "/platform/remote/1?key=5", WEBSOCKET)
    assert answers(own, tunnel, link, python, websocket) == [200, 200, 200, 200, 101]


def test_other_names_and_other_pages_are_refused(answers: Any) -> None:
    rebound: Request = ("GET", "/oview", {"Host": "evil.example:PORT"})
    foreign: Request = ("POST", "/api/v1/nni/trial-jobs", {"Origin": "http://evil.example"})
    other_port: Request = ("POST", "/api/v1/nni/trial-jobs", {"Origin": "http://localhost:1"})
    sandbox: Request = ("POST", "/api/v1/nni/trial-jobs", {"Origin": "null"})
    image: Request = ("GET", "/oview", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"})
    form: Request = ("POST", "/api/v1/nni/trial-jobs", {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate"})
    socket: Request = ("GET", "/platform/remote/1?key=5", {**WEBSOCKET, "Origin": "http://evil.example"})
    nameless: Request = ("GET", "/platform/remote/1?key=5", {**WEBSOCKET, "Host": "evil.example"})
    requests = [rebound, foreign, other_port, sandbox, image, form, socket, nameless]
    assert answers(*requests) == [403] * len(requests)
    assert answers(rebound, SEISNAS_PORTAL_HOSTS="other.example, Evil.example") == [200]


def test_some_routes_are_switched_off(answers: Any) -> None:
    paths = ["/api/v1/nni/experiment/cluster-metadata", "/API/experiment/cluster-metadata/?a=1", "/netron", "/netron/x"]
    paths += ["/prefix/netron/x", "/%6eetron/x"]
    assert answers(*[("PUT", path, {}) for path in paths]) == [403] * len(paths)
    assert answers(("GET", "/api/%", {}), ("GET", "/netronic", {}), ("GET", "/oview", {})) == [400, 400, 200]


@pytest.mark.skipif(sys.platform != "linux", reason="users are told apart through /proc/net/tcp")
def test_other_users_of_the_machine_are_refused_unless_named(
    answers: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other.js").write_text("process.getuid = () => 54321;")  # whose portal it is
    monkeypatch.setattr(portal, "node_option", lambda: f"--require {tmp_path / 'other.js'} --require {portal.GUARD}")
    ask: Request = ("GET", "/oview", {})
    assert answers(ask) == [403]
    assert answers(ask, SEISNAS_PORTAL_UIDS=f"1,{os.getuid()}") == [200]
