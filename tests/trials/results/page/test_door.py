"""Who gets to see the page: the attacks that NNI's page is tried with, on ours."""

import os
import random
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from datagen.errors import InputError
from tests.trials.experiment.guard.portal.spellings import spellings
from tests.trials.results.page.stored import store
from trials.results.page import server
from trials.results.page.door import OPEN, Openings
from trials.results.page.server import PageServer

Ask = Callable[..., tuple[int, bytes]]
EVERYWHERE = ["/", "/data.json", "/page.js", "/pictures/t0004/compress-1-001.png"]
FORBIDDEN = [
    "/pictures/t0004/result.json",
    "/pictures/../db/nni.sqlite",
    "/pictures/t0004/../config.yml",
    "/server.py",
    "/etc/passwd",
    "/api/v1/nni/experiment",
    "/netron/x",
    "/tuner",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return store(tmp_path_factory.mktemp("experiments") / "e", "finished")


@pytest.fixture
def page(folder: Path) -> Iterator[PageServer]:
    with closing(PageServer(0)) as one:
        one.show(folder)
        yield one


def ask(page: PageServer, target: str, method: str = "GET", **headers: str) -> tuple[int, bytes]:
    """Status and content; 0 for a connection that was cut.  PORT in a header is the page's."""
    port = page.url.rpartition(":")[2]
    given = {"Host": "localhost:PORT", **headers}
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items()), "", ""]
    with socket.create_connection(("127.0.0.1", int(port)), timeout=30) as connection:
        connection.sendall("\r\n".join(lines).replace("PORT", port).encode("latin-1"))
        answer = b""
        while data := connection.recv(65536):
            answer += data
    return (int(answer.split()[1]) if answer else 0), answer.partition(b"\r\n\r\n")[2]


def test_the_page_answers_its_own_browser(page: PageServer) -> None:
    same = {"Origin": "http://localhost:PORT", "Sec-Fetch-Site": "same-origin"}
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    tunnel = {"Host": "localhost:9000", "Origin": "http://localhost:9000"}
    for headers in ({}, same, link, tunnel, {"Host": "127.0.0.1:PORT"}):
        assert [ask(page, target, **headers)[0] for target in EVERYWHERE] == [200] * 4


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example:PORT"},
        {"Host": ""},
        {"Host": "localhost:PORT\r\nHost: evil.example"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://localhost:1"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
    ],
)
def test_other_names_and_other_pages_are_refused(page: PageServer, headers: dict[str, str]) -> None:
    assert [ask(page, target, **headers)[0] for target in EVERYWHERE] == [403] * 4


def test_names_that_the_user_opens_are_let_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEISNAS_PORTAL_HOSTS", "other.example, Evil.example")
    with closing(PageServer(0)) as page:
        page.show(folder)
        assert ask(page, "/data.json", Host="evil.example")[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD", "OPTIONS", "CONNECT", "TRACE", "get"])
def test_it_can_only_be_read(page: PageServer, method: str) -> None:
    assert ask(page, "/data.json", method)[0] == 400


def test_there_is_no_websocket(page: PageServer) -> None:
    websocket = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    assert ask(page, "/tuner", **websocket)[0] == 400


def test_no_spelling_of_an_address_gets_more_than_the_page(page: PageServer) -> None:
    chance = random.Random(1)
    tried = [each for target in (*FORBIDDEN, *EVERYWHERE[1:]) for each in spellings(target, 60, chance)]
    passed = {target for target in tried if ask(page, target)[0] == 200}
    assert passed <= set(EVERYWHERE)
    assert passed >= set(EVERYWHERE[1:])


def test_only_pictures_that_an_experiment_has_are_served(page: PageServer, folder: Path) -> None:
    (folder / "environments" / "local-env" / "trials" / "t0001" / "predictions" / "x.png").symlink_to("/etc/passwd")
    for target in ("/pictures/t0001/x.png", "/pictures/t0004/tune-001.png", "/pictures/none/tune-001.png"):
        assert OPEN.fullmatch(target)
        status, content = ask(page, target)
        assert status == 500
        assert b"root:" not in content


@pytest.mark.skipif(sys.platform != "linux", reason="users are told apart through /proc/net/tcp")
def test_other_users_of_the_machine_are_refused_unless_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    me = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: 54321)  # whose page it is
    with closing(PageServer(0)) as page:
        page.show(folder)
        status, said = ask(page, "/data.json")
        assert status == 403
        assert said == f"user {me} of this machine is not allowed (SEISNAS_PORTAL_UIDS)\n".encode()
    monkeypatch.setenv("SEISNAS_PORTAL_UIDS", f"1,{me}")
    with closing(PageServer(0)) as page:
        page.show(folder)
        assert ask(page, "/data.json")[0] == 200


def test_a_user_that_is_no_number_is_an_error() -> None:
    with pytest.raises(InputError, match="SEISNAS_PORTAL_UIDS=ada"):
        Openings.of({"SEISNAS_PORTAL_UIDS": "1,ada"})


def test_a_connection_that_says_nothing_is_closed(page: PageServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server._Handler, "timeout", 0.1)
    with socket.create_connection(("127.0.0.1", int(page.url.rpartition(":")[2])), timeout=30) as connection:
        connection.sendall(b"GET /data.json HTTP/1.1\r\nHost: ")
        assert connection.recv(1) == b""


def test_it_listens_on_this_machine_only_and_finds_a_free_port(page: PageServer) -> None:
    taken = int(page.url.rpartition(":")[2])
    with closing(PageServer(taken)) as second:
        assert second.url.startswith("http://127.0.0.1:")
        assert second.url != page.url


def test_what_it_sends_loads_nothing_from_elsewhere(page: PageServer) -> None:
    port = int(page.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(f"GET / HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode())
        head = connection.recv(65536).decode()
    assert "Content-Security-Policy: default-src 'none'" in head
    assert "frame-ancestors 'none'" in head
    assert "unsafe-inline" not in head
    assert "nosniff" in head
    assert "Python" not in head
