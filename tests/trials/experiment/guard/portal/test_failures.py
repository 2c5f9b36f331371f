"""What fails in the course of a request is its answer, and not the end of the manager."""

from pathlib import Path
from typing import Any

SERVE = """
const http = require('http');
const fail = () => { throw new Error('it fails'); };
const API = '/api/v1/nni';
const failures = {
  '/oview': fail,
  '/detail': () => { Promise.reject(new Error('it fails')); },
  [`${API}/version`]: () => { setTimeout(fail, 10); },
  [`${API}/check-status`]: response => { response.write('begun'); setTimeout(fail, 10); },
  [`${API}/job-statistics`]: response => { response.end('done'); setTimeout(fail, 10); },
};
const server = http.createServer((request, response) => {
  if (request.method === 'POST') { response.end('started'); setTimeout(fail, 100); return; }
  (failures[request.url] ?? (() => response.end('well')))(response);
});
const ask = (path, method = 'GET') => new Promise(done => {
  const request = http.request({ host: '127.0.0.1', port: server.address().port, path, method }, answer => {
    let text = `${answer.statusCode} `;
    answer.on('data', data => { text += data; }).on('error', () => done('cut')).on('end', () => done(text.trim()));
  });
  request.on('error', () => done('cut')).end();
});
const say = answer => { console.log(JSON.stringify(answer)); process.exit(0); };
server.listen(0, async () => {
  const found = [];
  for (const path of [...Object.keys(failures), '/experiment']) found.push(await ask(path));
  LAST
});
"""
RUNS_ON = "setTimeout(() => say(found), 100);"


def test_a_request_that_fails_is_answered_and_the_manager_goes_on(node: Any, manager: Path) -> None:
    manager.write_text(SERVE.replace("LAST", RUNS_ON))
    failed = "500 it fails"
    assert node(manager) == [failed, failed, failed, "cut", "200 done", "200 well"]


def test_an_error_of_the_experiment_itself_ends_the_manager(start: Any, manager: Path) -> None:
    begin = "await ask(`${API}/experiment`, 'POST'); setTimeout(() => say('alive'), 500);"
    for last in (
        begin,
        "setTimeout(fail, 0); setTimeout(() => say('alive'), 500);",
        "Promise.reject(new Error('it fails'))",
    ):
        manager.write_text(SERVE.replace("LAST", last))
        done = start(manager)
        assert done.returncode == 1, last
        assert "it fails" in done.stderr


THROWN = """
require('./prelude');
const { IocShim } = require('common/ioc_shim');
IocShim.get = () => ({ listTrialJobs() { throw new Error('it fails'); } });
nni.rest.registerExpressRouter('/api/v1/nni', require('rest_server/restHandler').createRestHandler());
nni.rest.getExpressApp().use(nni.rest.getExpressRouter());
const server = nni.rest.getExpressApp().listen(0, async () => {
  const address = `http://localhost:${server.address().port}/api/v1/nni/trial-jobs`;
  const answer = await fetch(address, { signal: AbortSignal.timeout(5000) }).catch(error => ({ status: error.name }));
  say(answer.status);
});
"""


def test_what_nnis_own_handlers_throw_is_answered(node: Any, manager: Path) -> None:
    manager.write_text(THROWN)
    assert node(manager) == 500


BAD = """
require('./prelude');
const { EventEmitter } = require('events');
const { WsConnection } = require('common/command_channel/websocket/connection');
const ended = [];
const [socket, commands] = [new EventEmitter(), new EventEmitter()];
socket.terminate = () => ended.push(socket.last);
commands.on('fails', () => { throw new Error('it fails'); });
new WsConnection('host', socket, commands);
for (const message of ['{"type": "well"}', 'no command', 'null', '{"type": "fails"}']) {
  socket.last = message;
  socket.emit('message', message);
}
say(ended);
"""


def test_a_bad_message_ends_its_websocket_only(node: Any, manager: Path) -> None:
    manager.write_text(BAD)
    assert node(manager) == ["no command", "null", '{"type": "fails"}']
