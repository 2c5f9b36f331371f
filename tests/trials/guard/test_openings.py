"""What the user may say to let others in."""

import json
from pathlib import Path
from typing import Any

import pytest

LISTEN = """
const net = require('net');
const ways = [s => s.listen(0), s => s.listen(0, '0.0.0.0'), s => s.listen('0'), s => s.listen({ port: 0 }),
              s => s.listen({ port: 0, host: '::' }), s => s.listen(), s => s.listen(() => {}), s => s.listen(0, 5)];
Promise.all(ways.map(way => new Promise(done => {
  const server = net.createServer();
  server.on('listening', () => { done(server.address().address); server.close(); });
  way(server);
}))).then(found => console.log(JSON.stringify([...new Set(found)])));
"""


def test_the_setting_opens_the_portal_and_warns(start: Any, manager: Path) -> None:
    manager.write_text(LISTEN)
    done = start(manager, SEISNAS_PORTAL_ADDRESS="0.0.0.0", SEISNAS_PORTAL_UIDS="33")
    assert json.loads(done.stdout.splitlines()[-1]) == ["0.0.0.0"]
    assert "the portal is open on 0.0.0.0: it asks for no password" in done.stderr
    assert "open to the users 33 of this machine" in done.stderr


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
