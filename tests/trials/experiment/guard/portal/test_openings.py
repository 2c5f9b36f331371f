"""What the user may say to let others in."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest


def test_the_setting_opens_the_portal_and_warns(start: Any, manager: Path) -> None:
    manager.write_text("require('./listen');")
    done = start(manager, SEISNAS_PORTAL_ADDRESS="0.0.0.0", SEISNAS_PORTAL_UIDS="33")
    assert json.loads(done.stdout.splitlines()[-1]) == ["0.0.0.0"]
    assert "the portal is open on 0.0.0.0: it has no password" in done.stderr
    assert "open to the users 33 of this machine" in done.stderr


LISTEN = """
const net = require('net');
const server = net.createServer(socket => { socket.end(); });
const reached = host => new Promise(done => {
  const socket = net.connect(server.address().port, host, () => { socket.destroy(); done(true); });
  socket.on('error', () => done(false));
});
server.listen(0, () => setTimeout(async () => {
  const found = [await reached('127.0.0.2'), await reached('127.0.0.1'), await reached('127.0.0.3')];
  server.close();
  setTimeout(async () => console.log(JSON.stringify([...found, server.listening])), 100);
}, 100));
"""


@pytest.mark.skipif(sys.platform != "linux", reason="all of 127.0.0.0/8 is there on Linux only")
def test_a_portal_at_one_address_is_reached_from_here_too(node: Any, manager: Path) -> None:
    manager.write_text(LISTEN)
    assert node(manager, SEISNAS_PORTAL_ADDRESS="127.0.0.2") == [True, True, False, False]


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("SEISNAS_PORTAL_ADDRESS", "everyone", "everyone is not an IPv4 address"),
        ("SEISNAS_PORTAL_ADDRESS", "::", ":: is not an IPv4 address"),
        ("SEISNAS_PORTAL_UIDS", "www-data", "www-data is not the number of a user"),
    ],
)
def test_a_wrong_setting_does_not_start(start: Any, manager: Path, setting: str, value: str, message: str) -> None:
    manager.write_text("")
    done = start(manager, **{setting: value})
    assert done.returncode == 1
    assert message in done.stderr
