"""The guard in NNI's own node, with NNI's own files, in front of a script that takes the manager's place."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from trials import portal

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


# NNI's files need these; `say` is how a script answers.
PRELUDE = """
global.nniUnitTest = true;
require('common/globals/unittest');
const say = answer => { console.log(JSON.stringify(answer)); process.exit(0); };
const { NNIManager } = require('core/nnimanager');
"""


def nni_node() -> Path:
    found = importlib.util.find_spec("nni_node")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent


def start(script: Path, action: str = "create", **environment: str) -> "subprocess.CompletedProcess[str]":
    """Runs `script` as NNI starts its manager."""
    (script.parents[1] / "experiments" / "abc").mkdir(parents=True, exist_ok=True)
    words = ["--experiments-directory", script.parents[1] / "experiments", "--experiment-id", "abc"]
    words += ["--python-interpreter", "/our/bin/python", "--action", action, "--port", "1"]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(script.parents[1]),
        "NODE_PATH": f"{script.parent}:{nni_node() / 'node_modules'}",
        **environment,
    }
    return subprocess.run(
        [nni_node() / "node", script, *words],
        capture_output=True,
        text=True,
        env=portal.guarded(environment),
        timeout=60,
    )


def node(script: Path, action: str = "create", **environment: str) -> Any:
    """What `script` prints last, as JSON."""
    done = start(script, action, **environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def manager(tmp_path: Path) -> Path:
    """Where the script goes: in a copy of NNI's files."""
    folder = tmp_path / "nni_node"
    shutil.copytree(nni_node(), folder, ignore=shutil.ignore_patterns("node_modules", "static", "node", "main.js"))
    return folder / "main.js"


def test_the_manager_listens_on_this_machine_only(manager: Path) -> None:
    manager.write_text(LISTEN)
    assert node(manager) == ["127.0.0.1"]


def test_other_node_programs_are_left_alone(manager: Path) -> None:
    other = manager.with_name("other.js")
    other.write_text("console.log(JSON.stringify([process.umask(), process.env.PATH, process.env.SEISNAS_EXPERIMENT]))")
    umask = os.umask(0o022)
    os.umask(umask)
    assert node(other) == [umask, os.environ["PATH"], None]


def test_the_files_of_an_experiment_are_private(manager: Path) -> None:
    manager.write_text("console.log(process.umask())")
    assert node(manager) == 0o077
    folder = manager.parents[1] / "experiments" / "abc"
    assert folder.stat().st_mode & 0o777 == 0o700


def test_commands_find_our_python_first_and_children_carry_the_mark(manager: Path) -> None:
    manager.write_text("console.log(JSON.stringify([process.env.PATH, process.env.SEISNAS_EXPERIMENT]))")
    path, mark = node(manager)
    assert path.split(":")[0] == "/our/bin"
    assert mark == "abc"


def test_the_threads_of_trials_spin_only_briefly(manager: Path) -> None:
    manager.write_text("console.log(process.env.GOMP_SPINCOUNT)")
    assert node(manager) == 20000
    assert node(manager, GOMP_SPINCOUNT="7") == 7


def test_the_guard_says_that_it_is_in_force(manager: Path) -> None:
    manager.write_text("")
    assert start(manager).stdout == "SeisNAS guard in force: NNI's portal listens on 127.0.0.1\n"


def test_another_version_of_nni_is_refused(manager: Path) -> None:
    manager.write_text("console.log('started')")
    manager.with_name("package.json").write_text(json.dumps({"version": "3.1.0"}))
    done = start(manager)
    assert done.returncode == 1
    assert "NNI 3.1.0 is not one that SeisNAS was tested on (3.0.0)" in done.stderr
    assert "started" not in done.stdout


def test_a_second_guard_leaves_the_manager_to_the_first(manager: Path, tmp_path: Path) -> None:
    manager.write_text("console.log(0)")
    shutil.copytree(portal.GUARD.parent, tmp_path / "guard")
    done = start(manager, NODE_OPTIONS=f"--require {tmp_path / 'guard' / 'index.js'}")
    assert done.stdout.count("in force") == 1


def test_the_setting_opens_the_portal_and_warns(manager: Path) -> None:
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
def test_a_wrong_setting_does_not_start(manager: Path, setting: str, value: str, message: str) -> None:
    manager.write_text("")
    done = start(manager, **{setting: value})
    assert done.returncode == 1
    assert message in done.stderr


# Sends requests to a server of its own, [method, path, headers] each, and prints what they are answered: 200 by the
# server, 101 to a websocket.
SERVE = """
const http = require('http');
const server = http.createServer((request, response) => response.end('NNI'));
server.on('upgrade', (request, socket) => socket.end('HTTP/1.1 101 Switching Protocols\\r\\n\\r\\n'));
const ask = ([method, path, headers]) => new Promise(done => {
  const { port } = server.address();
  const all = { Host: `localhost:${port}`, ...headers };
  for (const name in all) all[name] = all[name].replace('PORT', port);
  const request = http.request({ host: '127.0.0.1', port, method, path, headers: all });
  request.on('response', answer => { answer.resume(); done(answer.statusCode); });
  request.on('upgrade', (answer, socket) => { socket.destroy(); done(101); });
  request.end();
});
server.listen(0, async () => {
  const found = [];
  for (const one of JSON.parse(process.env.REQUESTS)) found.push(await ask(one));
  console.log(JSON.stringify(found));
  process.exit(0);
});
"""
WEBSOCKET = {"Connection": "Upgrade", "Upgrade": "websocket"}
Request = tuple[str, str, dict[str, str]]


def answers(manager: Path, *requests: Request, **environment: str) -> Any:
    manager.write_text(SERVE)
    return node(manager, REQUESTS=json.dumps(requests), **environment)


def test_the_portal_answers_its_own_page_and_python(manager: Path) -> None:
    own: Request = ("PUT", "/api", {"Origin": "http://localhost:PORT", "Sec-Fetch-Site": "same-origin"})
    tunnel: Request = ("PUT", "/api", {"Host": "localhost:9000", "Origin": "http://localhost:9000"})
    link: Request = ("GET", "/oview", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"})
    python: Request = ("POST", "/api", {"Host": "127.0.0.1:PORT"})
    websocket: Request = ("GET", "/platform/1", WEBSOCKET)
    assert answers(manager, own, tunnel, link, python, websocket) == [200, 200, 200, 200, 101]


def test_other_names_and_other_pages_are_refused(manager: Path) -> None:
    rebound: Request = ("GET", "/api", {"Host": "evil.example:PORT"})
    foreign: Request = ("POST", "/api", {"Origin": "http://evil.example"})
    other_port: Request = ("POST", "/api", {"Origin": "http://localhost:1"})
    sandbox: Request = ("POST", "/api", {"Origin": "null"})
    image: Request = ("GET", "/api", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"})
    form: Request = ("POST", "/api", {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate"})
    socket: Request = ("GET", "/platform/1", {**WEBSOCKET, "Origin": "http://evil.example"})
    nameless: Request = ("GET", "/platform/1", {**WEBSOCKET, "Host": "evil.example"})
    requests = [rebound, foreign, other_port, sandbox, image, form, socket, nameless]
    assert answers(manager, *requests) == [403] * len(requests)
    assert answers(manager, rebound, SEISNAS_PORTAL_HOSTS="other.example, Evil.example") == [200]


def test_some_routes_are_switched_off(manager: Path) -> None:
    paths = ["/api/v1/nni/experiment/cluster-metadata", "/API/experiment/cluster-metadata/?a=1", "/netron", "/netron/x"]
    paths += ["/prefix/netron/x", "/%6eetron/x"]
    assert answers(manager, *[("PUT", path, {}) for path in paths]) == [403] * len(paths)
    assert answers(manager, ("GET", "/api/%", {}), ("GET", "/api/netronic", {})) == [200, 200]


@pytest.mark.skipif(sys.platform != "linux", reason="users are told apart through /proc/net/tcp")
def test_other_users_of_the_machine_are_refused_unless_named(
    manager: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other.js").write_text("process.getuid = () => 54321;")  # whose portal it is
    monkeypatch.setattr(portal, "node_option", lambda: f"--require {tmp_path / 'other.js'} --require {portal.GUARD}")
    ask: Request = ("GET", "/api", {})
    assert answers(manager, ask) == [403]
    assert answers(manager, ask, SEISNAS_PORTAL_UIDS=f"1,{os.getuid()}") == [200]


def test_only_the_dispatcher_that_was_given_the_token_may_bring_trials(manager: Path) -> None:
    manager.write_text(
        PRELUDE + "require('common/utils').getTunerProc(['echo', '$NNI_TUNER_COMMAND_CHANNEL'],"
        " ['ignore', 'pipe', 'inherit'], '/', { NNI_TUNER_COMMAND_CHANNEL: 'ws://localhost:1/tuner' })"
        ".stdout.on('data', data => { process.env.REQUESTS = JSON.stringify(JSON.parse(process.env.REQUESTS)"
        ".map(([method, path, headers]) => [method, path.replace('TOKEN', String(data).trim().split('=')[1]), headers]));"
        + SERVE
        + "});"
    )
    paths = ["/tuner?token=TOKEN", "/prefix/tuner?token=TOKEN", "/tuner", "/tuner/x", "/tuner?token=0", "/tuner?"]
    requests = [("GET", path, WEBSOCKET) for path in paths]
    assert node(manager, REQUESTS=json.dumps(requests)) == [101, 101, 403, 403, 403, 403]


REFUSED = """
const tried = async (method, ...args) => {
  const calls = [];
  const dispatcher = { sendCommand: (...words) => calls.push(words) };
  const dataStore = { storeTrialJobEvent() {}, storeMetricData() {}, storeExperimentProfile() {} };
  const it = { dispatcher, dataStore, waitingTrials: calls, experimentProfile: { params: {} }, currSubmittedTrialNum: 0,
    maxTrialNum: 9, trialJobs: new Map([['t1', {}]]), log: { debug() {}, warning() {} },
    updateSearchSpace: space => calls.push(space), storeExperimentProfile() {} };
  try { await NNIManager.prototype[method].apply(it, args); } catch (error) { return error.message; }
  return calls.length;
};
const ways = text => [
  ['addCustomizedTrialJob', text], ['importData', text],
  ['updateExperimentProfile', { params: { searchSpace: JSON.parse(text) } }, 'SEARCH_SPACE'],
  ['onTrialJobMetrics', { id: 't1', data: text }], ['onTrialJobMetrics', { id: 't1', data: JSON.parse(text) }],
  ['onTrialJobMetrics', { id: 't1', data: JSON.stringify({ value: text }) }],
];
Promise.all(JSON.parse(process.env.TEXTS).flatMap(text => ways(text).map(way => tried(...way)))).then(say);
"""


def test_nothing_that_python_would_make_an_object_of_comes_in(manager: Path) -> None:
    manager.write_text(PRELUDE + REFUSED)
    objects = [
        '{"a": {"__nni_type__": "bytes:gASV"}}',
        '[{"__nni_obj__": "gASV"}]',
        '{"a": "{\\"__symbol__\\": 1}"}',
        '{"\\u005f_enum__": {}}',
        '{"a": "{\\"\\\\u005f\\\\u005fnni_type__\\": 1}"}',
    ]
    said = "refused: names that start with two underscores"
    assert node(manager, TEXTS=json.dumps(objects)) == [said, said, said, 0, 0, 0] * len(objects)


def test_ordinary_parameters_and_metrics_come_in(manager: Path) -> None:
    manager.write_text(PRELUDE + REFUSED)
    plain = ['{"stage": {"_name": "tune", "loss.ssim": 0.5}, "run": "/home/a__b/__init__.py"}']
    assert node(manager, TEXTS=json.dumps(plain)) == [1] * 6


def test_an_experiment_is_started_once(manager: Path) -> None:
    manager.write_text(
        PRELUDE + "const it = { storeExperimentProfile() { throw new Error('it starts'); }, log: { info() {} } };\n"
        "const start = () => NNIManager.prototype.startExperiment.call(it, {}).catch(error => error.message);\n"
        "start().then(first => start().then(second => say([first, second])));"
    )
    assert node(manager) == ["it starts", "refused: the experiment has been started"]


def test_numbers_go_on_after_a_resume(manager: Path) -> None:
    manager.write_text(
        PRELUDE + "const count = jobs => { const it = { experimentProfile: {} };"
        " NNIManager.prototype.addRecoveredTrialJob.call(it, jobs); return it.experimentProfile.nextSequenceId; };\n"
        "const ended = sequenceId => ({ status: 'SUCCEEDED', sequenceId });\n"
        "say([count([]), count([ended(0)]), count([ended(3), ended(1)])]);"
    )
    assert node(manager) == [0, 1, 4]


# A training service that starts trials when told, and lets them ask for their parameters in the other order.
SERVICE = """
const { V3asV1 } = require('training_service/v3/compat');
const service = new V3asV1({ platform: 'local', trialCommand: 'true', trialCodeDirectory: '.' });
const on = {};
const given = {};
let refusals = 0;
service.v3 = {
  init() {}, uploadDirectory() {}, async start() { return [{ id: 'local-env' }]; }, async stopTrial() {},
  onRequestParameter(listener) { on.ask = listener; }, onMetric() {}, onTrialStart(listener) { on.start = listener; },
  onTrialEnd(listener) { on.end = listener; }, onEnvironmentUpdate() {},
  async createTrial(environment, command, code, number, id = `made${number}`) { return refusals-- > 0 ? null : id; },
  sendParameter(id, parameters) { given[id] = parameters; }, async downloadTrialDirectory(id) { return `/tmp/${id}`; },
};
const form = (number, more) => ({ sequenceId: number, hyperParameters: { value: `p${number}`, index: 0 }, ...more });
const begin = number => service.submitTrialJob(form(number));
"""


def test_each_trial_gets_and_shows_its_own_parameters(manager: Path) -> None:
    manager.write_text(
        PRELUDE + SERVICE + "service.start().then(async () => {\n"
        "  const jobs = [await begin(0), await begin(1), await service.submitTrialJob(form(2, { id: 'old', envId: 'x' }))];\n"
        "  for (const job of [...jobs].reverse()) await on.ask(job.id);\n"
        "  say(jobs.map(job => [given[job.id], job.form.hyperParameters.value, job.url.split('/').at(-1) === job.id]));\n"
        "});"
    )
    assert node(manager) == [["p0", "p0", True], ["p1", "p1", True], ["p2", "p2", True]]


def test_a_trial_that_finds_no_place_waits_and_tries_again(manager: Path) -> None:
    manager.write_text(
        PRELUDE + SERVICE + "service.start().then(async () => { refusals = 1; const before = Date.now();"
        " const job = await begin(0); await on.ask(job.id); say([given[job.id], Date.now() - before > 900]); });"
    )
    assert node(manager) == ["p0", True]


def test_trials_end_with_the_right_status(manager: Path) -> None:
    manager.write_text(
        PRELUDE + SERVICE + "service.start().then(async () => {\n"
        "  const end = async (number, code, early) => { const { id } = await begin(number);\n"
        "    if (early !== undefined) await service.cancelTrialJob(id, early);\n"
        "    await on.end(id, 0, code); return (await service.getTrialJob(id)).status; };\n"
        "  say([await end(0, 0), await end(1, 3), await end(2, null), await end(3, null, false), await end(4, null, true),\n"
        "    await end(5, 130, true)]); });"
    )
    ends = ["SUCCEEDED", "FAILED", "FAILED", "USER_CANCELED", "EARLY_STOPPED", "EARLY_STOPPED"]
    assert node(manager) == ends


def test_no_file_but_a_trials_logs_is_shown(manager: Path) -> None:
    manager.write_text(
        PRELUDE + SERVICE + "const read = (id, name) => service.getTrialFile(id, name).catch(error => error.message);\n"
        "const names = [['t1', '../../etc/passwd'], ['..', 'stdout'], ['t1', 'model.onnx'], ['t1', 'stderr']];\n"
        "Promise.all(names.map(one => read(...one))).then(say);"
    )
    *refused, allowed = node(manager)
    assert refused == ["refused: this is no log of a trial"] * 3
    assert "/tmp/t1/trial.stderr" in allowed  # it is looked for


GPUS = """
const { TaskScheduler, UnitTestHelpers } = require('common/trial_keeper/task_scheduler/scheduler');
const gpus = async count => {
  const info = { gpuNumber: count, gpus: [...Array(count).keys()].map(index => ({ index })), processes: [] };
  UnitTestHelpers.mockGpuInfo(info);
  const scheduler = new TaskScheduler();
  await scheduler.init();
  return scheduler;
};
const take = (scheduler, trial, wanted, restrictions) =>
  scheduler.schedule('abc', trial, wanted, restrictions).then(found => found && found.CUDA_VISIBLE_DEVICES);
"""


def test_a_single_gpu_is_given_away_whole_and_shared(manager: Path) -> None:
    manager.write_text(
        PRELUDE
        + GPUS
        + "gpus(1).then(async one => { const found = [await take(one, 'a', 1), await take(one, 'b', 1)];\n"
        "  await one.release('abc', 'a'); found.push(await take(one, 'c', 1 / 3), await take(one, 'd', 1 / 3),\n"
        "    await take(one, 'e', 1 / 3), await take(one, 'f', 1 / 3), await take(one, 'g', 0), await take(one, 'h', 2));\n"
        "  say(found); });"
    )
    assert node(manager) == ["0", None, "0", "0", "0", None, "", None]


def test_two_gpus_go_to_two_trials_or_to_one(manager: Path) -> None:
    manager.write_text(
        PRELUDE
        + GPUS
        + "gpus(2).then(async two => { const found = [await take(two, 'a', 1), await take(two, 'b', 1),\n"
        "    await take(two, 'c', 1)]; await two.release('abc', 'a'); await two.release('abc', 'b');\n"
        "  say([...found, await take(two, 'd', 2), await take(await gpus(2), 'e', 1, { onlyUseIndices: [1] }),\n"
        "    await take(await gpus(2), 'f', 1, { onlyUseIndices: [7] })]); });"
    )
    assert node(manager) == ["0", "1", None, "0,1", "1", None]


def test_gpus_are_read_by_one_process_at_a_time(manager: Path, tmp_path: Path) -> None:
    reader = tmp_path / "python"
    reader.write_text(
        f'#!/bin/sh\necho >> {tmp_path}/readings\nsleep 0.2\necho \'{{"success": true, "gpuNumber": 1}}\'\n'
    )
    reader.chmod(0o755)
    manager.write_text(
        PRELUDE + f"nni.args.pythonInterpreter = {json.dumps(str(reader))};\n"
        "const { collectGpuInfo } = require('common/trial_keeper/task_scheduler/collect_info');\n"
        "Promise.all([collectGpuInfo(), collectGpuInfo(), collectGpuInfo(true)]).then(found => say(found.length));"
    )
    assert node(manager) == 3
    assert (tmp_path / "readings").read_text() == "\n"


def test_the_page_brings_its_icons_and_asks_nobody_else(manager: Path) -> None:
    (manager.parent / "static").mkdir()
    shutil.copy(nni_node() / "static" / "index.html", manager.parent / "static")
    manager.write_text(
        SERVE.replace(
            "answer.resume(); done(answer.statusCode);",
            "let text = ''; answer.on('data', data => { text += data; });"
            " answer.on('end', () => done([text, answer.headers['content-security-policy']]));",
        )
    )
    asked = [
        ("GET", path, {"Accept": "text/html,*/*"}) for path in ("/", "/oview", "/static/a.js", "/api/v1/nni/version")
    ]
    page, overview, script, version = node(manager, REQUESTS=json.dumps([*asked]))
    assert page == overview
    assert 'iconBaseUrl:"data:,"' in page[0]
    assert "default-src 'self'" in page[1]
    assert script[0] == version[0] == "NNI"


TENSORBOARD = """
nni.paths = { experimentRoot: '/exp' };
const { NNITensorboardManager } = require('extensions/nniTensorboardManager');
const board = Object.create(NNITensorboardManager.prototype);
Object.assign(board, { tensorboardVersion: '2.21', nniManager: { async getTrialJob() { return { sequenceId: 4 }; } } });
service.trialJobs.t2 = { envId: 'other' };
const folder = id => service.getTrialOutputLocalPath(id).catch(error => error.message);
Promise.all([board.getTensorboardStartCommand(['t1'], ['/'], 6006), folder('t1'), folder('t2'), folder('../x')]).then(say);
"""


def test_tensorboard_stays_on_this_machine_and_reads_the_trial_folder(manager: Path) -> None:
    manager.write_text(PRELUDE + SERVICE + TENSORBOARD)
    command, first, second, outside = node(manager)
    assert command == ["tensorboard", "--host=127.0.0.1 --logdir_spec=4-t1:/", "--port=6006"]
    assert first == "/exp/environments/local-env/trials/t1"
    assert second == "/exp/environments/other/trials/t2"
    assert outside == "refused: ../x is no trial"


def test_a_slow_tuner_is_waited_for(manager: Path) -> None:
    manager.write_text(
        PRELUDE
        + "const timer = setTimeout; let asked; global.setTimeout = (then, time) => { asked ??= time; return timer(then, 0); };\n"
        "require('core/tuner_command_channel').getTunerServer().init().catch(error => say([asked, error.message]));"
    )
    assert node(manager) == [120000, "the tuner did not connect in 120 s, see dispatcher.log"]


def test_the_helper_on_a_remote_host_is_guarded_too(manager: Path) -> None:
    keeper = manager.with_name("common") / "trial_keeper" / "main.js"
    keeper.write_text(LISTEN + "console.log(process.umask());")
    assert node(keeper) == ["127.0.0.1"]


@pytest.mark.skipif(not Path("/proc").exists(), reason="the guard finds processes through /proc")
def test_a_resumed_manager_ends_the_orphans_of_its_experiment_only(manager: Path) -> None:
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    manager.write_text("console.log(0)")
    with (
        subprocess.Popen(sleep, env={**os.environ, "SEISNAS_EXPERIMENT": "abc"}) as orphan,
        subprocess.Popen(sleep, env={**os.environ, "SEISNAS_EXPERIMENT": "abcd"}) as stranger,
    ):
        try:
            node(manager)
            assert orphan.poll() is None
            node(manager, action="resume")
            assert orphan.wait(timeout=10) != 0
            assert stranger.poll() is None
        finally:
            orphan.kill()
            stranger.kill()
