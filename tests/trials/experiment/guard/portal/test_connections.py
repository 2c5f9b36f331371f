"""Who may connect, how many at a time, and for how long."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from trials.experiment.nni import portal

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="users are told apart through /proc/net/tcp")

SERVE = """
const http = require('http'), net = require('net');
const server = http.createServer((request, response) => response.end('NNI'));
const wait = time => new Promise(done => setTimeout(done, time));
const connect = () => new Promise(done => {
  const socket = net.connect(server.address().port, '127.0.0.1', () => done(socket));
  socket.said = '';
  socket.on('data', data => { socket.said += data; }).on('close', () => { socket.ended = true; }).on('error', () => {});
});
const status = () => new Promise(done => {
  http.get({ host: '127.0.0.1', port: server.address().port, path: '/oview' }, answer => done(answer.statusCode));
});
const say = answer => { console.log(JSON.stringify(answer)); process.exit(0); };
"""
CROWD = """
server.listen(0, async () => {
  const ours = process.getuid();
  process.getuid = () => 54321; // whose portal it is: we are a guest
  const guests = [];
  for (let i = 0; i < 80; i++) guests.push(await connect());
  await wait(500);
  const kept = guests.filter(one => !one.ended).length;
  process.getuid = () => ours;
  say([kept, await status()]);
});
"""


def test_guests_leave_room_for_the_user(node: Any, manager: Path) -> None:
    manager.write_text(SERVE + CROWD)
    assert node(manager, SEISNAS_PORTAL_UIDS=str(os.getuid())) == [64, 200]


STRANGER = """
let heard = 0;
server.on('connection', () => { heard += 1; });
server.listen(0, async () => {
  const socket = await connect(); // sends nothing
  await new Promise(done => socket.on('close', done));
  say([heard, socket.said.split('\\r\\n')[0], /user \\d+ of this machine is not allowed/.test(socket.said)]);
});
"""


def test_another_user_is_cut_before_anything_is_sent(node: Any, manager: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = manager.with_name("other.js")
    other.write_text("process.getuid = () => 54321;")
    monkeypatch.setattr(portal, "node_option", lambda: f"--require {other} --require {portal.GUARD}")
    manager.write_text(SERVE + STRANGER)
    assert node(manager) == [0, "HTTP/1.1 403 Forbidden", True]


def test_idle_and_slow_connections_are_not_kept(node: Any, manager: Path) -> None:
    manager.write_text(
        SERVE + "say([server.headersTimeout, server.requestTimeout, server.connectionsCheckingInterval]);"
    )
    assert node(manager) == [10_000, 60_000, 1000]


def test_what_a_server_asks_for_itself_stays(node: Any, manager: Path) -> None:
    manager.write_text(SERVE + "say(http.createServer({ headersTimeout: 5 }).headersTimeout);")
    assert node(manager) == 5
