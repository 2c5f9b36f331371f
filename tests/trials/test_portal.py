"""The guard in NNI's own node, in front of a stand-in for the manager."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from datagen.errors import InputError
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


def node(script: Path, action: str = "create", **environment: str) -> Any:
    """What `script`, started as NNI starts its manager, prints as JSON."""
    found = importlib.util.find_spec("nni_node")
    assert found is not None
    assert found.origin is not None
    (script.parents[1] / "experiments" / "abc").mkdir(parents=True, exist_ok=True)
    words = ["--experiments-directory", script.parents[1] / "experiments", "--experiment-id", "abc"]
    words += ["--python-interpreter", "/our/bin/python", "--action", action, "--port", "1"]
    done = subprocess.run(
        [Path(found.origin).with_name("node"), script, *words],
        capture_output=True,
        text=True,
        env=portal.guarded({"PATH": os.environ["PATH"], **environment}),
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def manager(tmp_path: Path) -> Path:
    """Where a stand-in for NNI's main.js goes."""
    folder = tmp_path / "nni_node"
    for file in ("core/tuner_command_channel", "extensions/nniTensorboardManager", "training_service/v3/compat"):
        (folder / file).parent.mkdir(parents=True)
    (folder / "package.json").write_text(json.dumps({"version": "3.0.0"}))
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


def test_tensorboard_stays_on_this_machine_and_reads_the_trial_folder(manager: Path) -> None:
    manager.with_name("extensions").joinpath("nniTensorboardManager.js").write_text(
        "class A { async getTensorboardStartCommand(x) { return ['tensorboard', `--bind_all --logdir_spec=${x}`]; } }\n"
        "exports.NNITensorboardManager = A;"
    )
    manager.with_name("training_service").joinpath("v3", "compat.js").write_text(
        "class B { trialJobs = { t2: { envId: 'other' } }; async getTrialOutputLocalPath(id) { return 'nowhere'; } }\n"
        "exports.V3asV1 = B;"
    )
    manager.write_text(
        "global.nni = { paths: { experimentRoot: '/exp' } };\n"
        "const { NNITensorboardManager } = require('./extensions/nniTensorboardManager');\n"
        "const { V3asV1 } = require('./training_service/v3/compat');\n"
        "const service = new V3asV1();\n"
        "Promise.all([new NNITensorboardManager().getTensorboardStartCommand('x'),\n"
        "  service.getTrialOutputLocalPath('t1'), service.getTrialOutputLocalPath('t2')])\n"
        "  .then(found => console.log(JSON.stringify(found)));"
    )
    command, first, second = node(manager)
    assert command == ["tensorboard", "--host=127.0.0.1 --logdir_spec=x"]
    assert first == "/exp/environments/local-env/trials/t1"
    assert second == "/exp/environments/other/trials/t2"


def test_a_slow_tuner_is_waited_for(manager: Path) -> None:
    manager.with_name("core").joinpath("tuner_command_channel.js").write_text(
        "let connected; const promise = new Promise(done => { connected = done; });\n"
        "const server = { connect: { promise }, init() { return Promise.reject(new Error('10 s are over')); } };\n"
        "exports.getTunerServer = () => server; exports.connect = () => connected();"
    )
    manager.write_text(
        "const channel = require('./core/tuner_command_channel');\n"
        "channel.getTunerServer().init().then(() => console.log('\"connected\"'));\n"
        "setTimeout(channel.connect, 50);"
    )
    assert node(manager) == "connected"


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


def python(pth: str, **environment: str) -> str | None:
    """NODE_OPTIONS after Python has run the line of the .pth file."""
    text = f"{pth}\nimport json; print(json.dumps(os.environ.get('NODE_OPTIONS')))"
    done = subprocess.check_output([sys.executable, "-S", "-c", text], text=True, env=environment)
    options: str | None = json.loads(done)
    return options


def test_the_pth_line_puts_the_guard_in_force_and_keeps_other_options() -> None:
    assert portal.pth_text().count("\n") == 1
    assert portal.pth_text().startswith("import ")
    assert python(portal.pth_text()) == portal.node_option()
    assert python(portal.pth_text(), NODE_OPTIONS="--no-warnings") == f"--no-warnings {portal.node_option()}"
    assert python(portal.pth_text(), NODE_OPTIONS=portal.node_option()) == portal.node_option()


def test_the_pth_line_does_nothing_once_the_guard_is_gone() -> None:
    assert python(portal.pth_text().replace(".py", ".gone")) is None


def test_doctor_can_tell_whether_the_guard_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portal, "pth_file", lambda: tmp_path / "seisnas.pth")
    assert not portal.installed()
    assert portal.install() == tmp_path / "seisnas.pth"
    assert portal.installed()
    (tmp_path / "seisnas.pth").write_text(portal.pth_text().replace("trials", "elsewhere"))
    assert not portal.installed()


def test_an_environment_that_is_not_writable_is_an_input_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portal, "pth_file", lambda: tmp_path / "missing" / "seisnas.pth")
    with pytest.raises(InputError, match="cannot be written"):
        portal.install()
