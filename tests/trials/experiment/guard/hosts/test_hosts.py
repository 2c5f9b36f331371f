"""Several machines in NNI's own node, with stand-ins for its remote service and for what a host says."""

import importlib.util
import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from trials.experiment.nni import portal

FILES = portal.GUARD.parent / "hosts"
MODULES = [str(FILES / f"{name}.js") for name in ("host_keys", "losses", "remote", "run_folders", "tunnel")]


def nni_node() -> Path:
    found = importlib.util.find_spec("nni_node")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent


def node(script: str, *words: str | Path, **environment: str) -> Any:
    """What `script` prints as JSON; `guard` is what the guard has for several machines, `nni` NNI's folder."""
    guard = f"const guard = Object.assign({{}}, ...{json.dumps(MODULES)}.map(require));"
    head = f"{guard} const nni = {json.dumps(str(nni_node()))};\n"
    done = subprocess.run(
        [nni_node() / "node", "-e", head + script, *words],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], **environment},
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a key, whose public half is in known_hosts for one host, hashed for another."""
    ssh = tmp_path / ".ssh"
    ssh.mkdir()
    for name in ("known", "other"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", ssh / name], check=True)
    key = " ".join((ssh / "known.pub").read_text().split()[:2])
    (ssh / "known_hosts").write_text(f"hidden.example {key}\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", ssh / "known_hosts"], check=True, capture_output=True)
    with (ssh / "known_hosts").open("a") as file:
        file.write(f"plain.example {key}\n[plain.example]:2222 {key}\n")
    return tmp_path


KEYS = "console.log(JSON.stringify(guard.knownKeys(process.argv[1], Number(process.argv[2])).map(one => one.type)));"


@pytest.mark.parametrize(("host", "port"), [("plain.example", 22), ("plain.example", 2222), ("hidden.example", 22)])
def test_the_key_of_a_host_is_found_plain_hashed_and_by_port(home: Path, host: str, port: int) -> None:
    assert node(KEYS, host, str(port), HOME=str(home)) == ["ssh-ed25519"]


def test_a_host_without_a_known_key_is_refused_before_it_is_asked(home: Path) -> None:
    script = (
        "try { guard.knownKeys('stranger.example', 22) } catch (error) { console.log(JSON.stringify(error.message)) }"
    )
    assert "no host key" in node(script, HOME=str(home))


def test_a_revoked_key_does_not_count(home: Path) -> None:
    key = " ".join((home / ".ssh" / "known.pub").read_text().split()[:2])
    with (home / ".ssh" / "known_hosts").open("a") as file:
        file.write(f"@revoked plain.example {key}\n")
    script = "try { guard.knownKeys('plain.example', 22) } catch (error) { console.log(JSON.stringify(error.message)) }"
    assert "no host key" in node(script, HOME=str(home))


SERVER = """
const { createRequire } = require('module');
const { Client, Server } = createRequire(nni + '/main.js')('ssh2');
const fs = require('fs'), home = process.env.HOME;
const server = new Server({ hostKeys: [fs.readFileSync(`${home}/.ssh/${process.argv[1]}`)] }, client => {
  client.on('authentication', context => context.accept()).on('error', () => {});
});
class Ssh { constructor(config) { this.config = config; this.log = { error() {} }; } }
guard.connectVerified(Ssh, { Client });
server.listen(0, '127.0.0.1', async () => {
  const port = server.address().port;
  const key = fs.readFileSync(`${home}/.ssh/known.pub`, 'utf8').split(' ').slice(0, 2).join(' ');
  fs.appendFileSync(`${home}/.ssh/known_hosts`, `[127.0.0.1]:${port} ${key}\\n`);
  const ssh = new Ssh({ host: '127.0.0.1', port, user: 'me', password: 'x' });
  const said = await ssh.connect().then(() => 'connected', error => error.message);
  console.log(JSON.stringify(said));
  process.exit();
});
"""


def test_a_host_with_the_known_key_is_talked_to(home: Path) -> None:
    assert node(SERVER, "known", HOME=str(home)) == "connected"


def test_whoever_answers_with_another_key_is_refused(home: Path) -> None:
    assert "denied" in node(SERVER, "other", HOME=str(home)).lower()


def test_the_host_is_asked_for_a_key_of_a_known_type() -> None:
    script = "console.log(JSON.stringify(guard.algorithms([{type:'ssh-rsa'},{type:'ssh-ed25519'},{type:'sk-x'}])))"
    assert node(script) == ["rsa-sha2-512", "rsa-sha2-256", "ssh-ed25519"]


FETCH = """
const fs = require('fs');
const file = { isFile: () => true, isDirectory: () => false }, link = { isFile: () => false, isDirectory: () => false };
const names = JSON.parse(process.argv[1]), order = [];
const sftp = {
  readdir: async () => names.map(filename => ({ filename, attrs: filename === 'link' ? link : file })),
  fastGet: async (from, to) => { order.push(require('path').basename(from)); fs.writeFileSync(to, 'x'); },
};
guard.fetchFolder(sftp, '/there', process.argv[2]).then(
  () => console.log(JSON.stringify(order)), error => console.log(JSON.stringify(error.message)));
"""


def test_the_result_comes_home_after_the_files_that_it_vouches_for(tmp_path: Path) -> None:
    names = ["link", "result.json", "config.yml", "weights.safetensors"]
    order = node(FETCH, json.dumps(names), tmp_path / "home")
    assert order == ["config.yml", "weights.safetensors", "result.json"]
    assert not (tmp_path / "home" / "link").exists()


@pytest.mark.parametrize("name", ["..", "../../.bashrc", "/etc/passwd"])
def test_a_host_cannot_write_outside_the_folder_of_its_trial(tmp_path: Path, name: str) -> None:
    assert "a file is named" in node(FETCH, json.dumps([name]), tmp_path / "home")
    assert list(tmp_path.rglob("*.bashrc")) == []


TUNNEL = """
const http = require('http'), net = require('net'), { EventEmitter } = require('events');
const seen = [];
const manager = http.createServer((request, response) => { seen.push(request.url); response.end(); });
manager.on('upgrade', (request, socket) => { seen.push(request.url); socket.end('HTTP/1.1 101 OK\\r\\n\\r\\n'); });
const raw = net.createServer(socket => socket.once('data', data => { // a manager of few words
  seen.push(String(data).split(' ')[1]);
  socket.write(process.argv[2]);
  socket.on('data', more => seen.push(String(more))).on('error', () => {});
}));
const chosen = process.argv[2] ? raw : manager;
chosen.listen(0, '127.0.0.1', async () => {
  const client = new EventEmitter();
  const outside = net.createServer(socket => client.emit('tcp connection', {}, () => socket));
  client.forwardIn = (host, port, done) => outside.listen(port, host, () => done(null, outside.address().port));
  const port = await guard.tunnel(client, '/platform/remote/1?key=abc', chosen.address().port);
  for (const head of JSON.parse(process.argv[1])) {
    await new Promise(done => {
      const socket = net.connect(port, '127.0.0.1', () => socket.write(head));
      socket.on('error', done).on('close', done).on('data', data => seen.push(String(data)));
      socket.setTimeout(500, () => { seen.push('open'); socket.destroy(); });
    });
  }
  console.log(JSON.stringify(seen));
  process.exit();
});
"""
KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455, 1.3, with what belongs to it:
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
UPGRADE = (
    "Host: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
)


def test_a_host_reaches_its_own_websocket_and_nothing_else_of_the_manager() -> None:
    heads = [
        f"GET /platform/remote/1?key=abc HTTP/1.1\r\n{UPGRADE}",
        f"GET /platform/remote/1?key=abd HTTP/1.1\r\n{UPGRADE}",
        f"GET /tuner HTTP/1.1\r\n{UPGRADE}",
        "GET /api/v1/nni/experiment HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        "GET /platform/remote/1?key=abc HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET /api/v1/nni/experiment HTTP/1.1\r\n\r\n",
    ]
    assert node(TUNNEL, json.dumps(heads)) == ["/platform/remote/1?key=abc"]


TARGET = "/platform/remote/1?key=abc"
SMUGGLED = "GET /api/v1/nni/experiment HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
FIRST = f"GET {TARGET} HTTP/1.1\r\n"


@pytest.mark.parametrize(
    "head",
    [
        FIRST + UPGRADE.replace("Connection: Upgrade\r\n", ""),  # answered as an ordinary request
        FIRST + UPGRADE.replace("Connection: Upgrade", "Connection: keep-alive"),
        FIRST + UPGRADE.replace("Upgrade: websocket", "Upgrade: h2c"),
        FIRST + UPGRADE.replace("Version: 13", "Version: 8"),
        FIRST + UPGRADE.replace(KEY, "short"),
        FIRST + "Content-Length: 60\r\n" + UPGRADE,
        FIRST + "Transfer-Encoding: chunked\r\n" + UPGRADE,
        FIRST + "Upgrade: h2c\r\n" + UPGRADE,
        FIRST + " folded: line\r\n" + UPGRADE,
        FIRST.replace("1.1", "1.0") + UPGRADE,
        FIRST.replace("GET", "POST") + UPGRADE,
    ],
)
def test_a_host_that_opens_no_websocket_reaches_nothing(head: str) -> None:
    assert node(TUNNEL, json.dumps([head + SMUGGLED])) == []


def answered(answer: str) -> Any:
    return node(TUNNEL, json.dumps([FIRST + UPGRADE + "frames"]), answer)


def test_after_both_handshakes_the_two_ends_are_joined() -> None:
    right = f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {ACCEPT}\r\n"
    asked, *said, last = answered(f"HTTP/1.1 101 Yes\r\nSet-Cookie: a=b\r\n{right}\r\nwelcome")
    assert (asked, last) == (TARGET, "open")
    said.remove("frames")  # what the manager has heard; the rest came to the host
    assert "".join(said) == f"HTTP/1.1 101 Switching Protocols\r\n{right}\r\nwelcome"


@pytest.mark.parametrize(
    "answer",
    [
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 426 Upgrade Required\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: wrong\r\n\r\n",
    ],
)
def test_a_host_is_cut_off_unless_the_manager_opens_the_websocket(answer: str) -> None:
    assert answered(answer) == [TARGET]


THROUGH_SSH = """
const { createRequire } = require('module'), http = require('http'), net = require('net');
const nniRequire = createRequire(nni + '/main.js');
const { Client, Server } = nniRequire('ssh2'), { WebSocket, WebSocketServer } = nniRequire('ws');
const fs = require('fs');
const manager = http.createServer();
new WebSocketServer({ server: manager }).on('connection', socket => {
  socket.on('message', text => socket.send(`heard ${String(text).length}`));
});
const host = new Server({ hostKeys: [fs.readFileSync(`${process.env.HOME}/.ssh/known`)] }, client => {
  client.on('authentication', context => context.accept()).on('error', () => {});
  client.on('request', (accept, reject, name, { bindAddr }) => {
    const listener = net.createServer(socket => {
      client.forwardOut(bindAddr, listener.address().port, '127.0.0.1', 1, (error, stream) => {
        socket.pipe(stream).pipe(socket);
      });
    }).listen(0, bindAddr, () => accept(listener.address().port));
  });
});
manager.listen(0, '127.0.0.1', () => host.listen(0, '127.0.0.1', () => {
  const client = new Client();
  client.on('ready', async () => {
    const port = await guard.tunnel(client, '/platform/remote/1?key=abc', manager.address().port);
    const socket = new WebSocket(`ws://127.0.0.1:${port}/platform/remote/1?key=abc`);
    socket.on('open', () => socket.send('x'.repeat(1e6)));
    socket.on('message', text => { console.log(JSON.stringify(String(text))); process.exit(); });
  }).connect({ host: '127.0.0.1', port: host.address().port, username: 'me', password: 'x' });
}));
"""


def test_nnis_websockets_speak_through_ssh(home: Path) -> None:
    assert node(THROUGH_SSH, HOME=str(home)) == "heard 1000000"


SERVICE = """
const { EventEmitter } = require('events'), fs = require('fs');
class Service {
  emitter = new EventEmitter(); workers = []; workersByTrial = new Map(); workersByEnv = new Map();
  log = { error() {}, info() {} };
  async createTrial() { return new Promise(() => {}); } // the host never answers
  async sendParameter() {} async downloadTrialDirectory() {} async stop() {} async launchWorker() {} stopWorker() {}
}
guard.bringResultsHome(Service);
guard.goOnWithoutLostHosts(Service);
global.nni = { paths: { experimentRoot: process.argv[1] } };
const service = new Service();
const ssh = { sftp: async () => { throw Error('cut'); } };
const worker = { config: { host: 'h' }, envId: 'e', uploadDir: '/r/upload', ssh };
"""


def test_a_trial_whose_host_is_gone_is_marked_as_lost_and_told_once(tmp_path: Path) -> None:
    script = SERVICE + (
        "const told = []; service.workersByTrial.set('t', worker);\n"
        "service.onTrialEnd((id, time, code) => { told.push([id, code]);\n"
        "  if (told.length === 1) console.log(JSON.stringify(told)); });\n"
        "service.emitter.emit('trial_stop', 't', 1, null);"
    )
    assert node(script, tmp_path) == [["t", None]]
    assert "h was lost" in (tmp_path / "environments" / "e" / "trials" / "t" / "host-lost.txt").read_text()


def test_a_trial_whose_results_cannot_be_fetched_did_not_succeed(tmp_path: Path) -> None:
    script = SERVICE + (
        "service.workers.push(worker); service.workersByTrial.set('t', worker);\n"
        "service.onTrialEnd((id, time, code) => console.log(JSON.stringify(code)));\n"
        "service.emitter.emit('trial_stop', 't', 1, 0);"
    )
    assert node(script, tmp_path) is None
    assert "could not be fetched" in (tmp_path / "environments" / "e" / "trials" / "t" / "host-lost.txt").read_text()


def test_a_trial_is_not_awaited_on_a_host_that_is_lost(tmp_path: Path) -> None:
    script = SERVICE + (
        "service.workersByEnv.set('e', worker);\n"
        "service.createTrial('e').catch(error => { console.log(JSON.stringify(error.message)); process.exit(); });\n"
        "guard.lossOf(worker.ssh).report(new Error('lost'));"
    )
    assert node(script, tmp_path) == "lost"


def test_an_experiment_starts_with_the_hosts_that_answer(tmp_path: Path) -> None:
    script = SERVICE + (
        "service.server = { start: async () => {} }; service.config = { machineList: ['down', 'up'] };\n"
        "service.launchWorker = async config => {\n"
        "  if (config === 'down') throw Error('no'); service.workers.push({ env: config }); };\n"
        "service.start().then(found => console.log(JSON.stringify(found)));"
    )
    assert node(script, tmp_path) == ["up"]


UPLOAD = """
const { execSync } = require('child_process'), fs = require('fs');
class Worker {
  channelUrl = 'ws://localhost:8080/platform/remote/1'; python = 'python';
  ssh = {
    run: async command => execSync(command, { cwd: process.argv[1], encoding: 'utf8' }).trim(),
    upload: async (from, to) => fs.copyFileSync(from, to),
    client: { forwardIn: (host, port, done) => done(null, 1), on() {} },
  };
  async launchTrialKeeperDaemon() { console.log(JSON.stringify(this.python)); }
}
guard.startThroughTunnel(Worker);
global.nni = { args: { experimentId: 'abc', port: 8080 } };
new Worker().launchTrialKeeperDaemon();
"""


def test_the_guard_arrives_on_a_host_with_all_its_files_where_they_find_each_other(tmp_path: Path) -> None:
    command = node(UPLOAD, tmp_path)
    there = tmp_path / "nni-experiments" / "abc" / "guard"
    assert command == f"NODE_OPTIONS='--require \"{there}/index.js\"' python"
    here = portal.GUARD.parent
    sent = {file.relative_to(there) for file in there.rglob("*.*")}
    assert sent == {file.relative_to(here) for file in here.rglob("*.js")}
    keeper = tmp_path / "nni_node" / "common" / "trial_keeper" / "main.js"
    keeper.parent.mkdir(parents=True)
    keeper.write_text("console.log('kept');")
    (tmp_path / "nni_node" / "package.json").write_text('{"version": "3.0.0"}')
    words = [nni_node() / "node", "--require", there / "index.js", keeper]
    done = subprocess.run(words, capture_output=True, text=True, env={"PATH": os.environ["PATH"]}, timeout=60)
    assert (done.stdout, done.returncode) == ("kept\n", 0), done.stderr


def test_a_keeper_that_ends_takes_its_trials_along_and_kills_those_of_a_killed_one() -> None:
    left = subprocess.Popen(["sleep", "100"], env={"SEISNAS_KEEPER": "/x/e", "PATH": os.environ["PATH"]})
    other = subprocess.Popen(["sleep", "100"], env={"SEISNAS_KEEPER": "/x/f", "PATH": os.environ["PATH"]})
    script = (
        f"const keeper = require({json.dumps(str(FILES / 'keeper.js'))});\n"
        "process.argv = ['node', 'main.js', process.argv[1]];\n"
        "keeper.endTrialsOfKilledKeeper(); keeper.endTrialsWithKeeper();\n"
        "const trial = require('child_process').spawn('sleep 100', { shell: true });\n"
        "console.log(JSON.stringify(trial.pid)); process.exit();"
    )
    try:
        trial = node(script, "/x/e/trial_keeper_1")
        assert left.wait(timeout=10) == -signal.SIGKILL
        assert other.poll() is None
        status = Path(f"/proc/{trial}/stat")
        assert not status.exists() or status.read_text().split()[2] == "Z"
    finally:
        left.kill()
        other.kill()
        other.wait()
