"""NNI listens on this machine only."""

from pathlib import Path
from typing import Any

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


def test_the_manager_listens_on_this_machine_only(node: Any, manager: Path) -> None:
    manager.write_text(LISTEN)
    assert node(manager) == ["127.0.0.1"]


def test_the_helper_on_a_remote_host_is_guarded_too(node: Any, manager: Path) -> None:
    keeper = manager.with_name("common") / "trial_keeper" / "main.js"
    keeper.write_text(LISTEN + "console.log(process.umask());")
    assert node(keeper) == ["127.0.0.1"]
