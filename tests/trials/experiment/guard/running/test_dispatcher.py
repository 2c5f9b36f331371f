"""The manager and its dispatcher."""

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from trials.experiment.nni import portal

CONNECT = """
require('./prelude');
const { answer } = require('./serve');
const environment = { NNI_TUNER_COMMAND_CHANNEL: 'ws://localhost:1/tuner' };
const { getTunerProc } = require('common/utils');
const echo = ['echo', '$NNI_TUNER_COMMAND_CHANNEL'];
const dispatcher = getTunerProc(echo, ['ignore', 'pipe', 'inherit'], '/', environment);
dispatcher.stdout.on('data', data => {
  const secret = String(data).trim().split('?')[1];
  const secretive = JSON.parse(process.env.PATHS).map(path => `${path}?${secret}`);
  const paths = [...secretive, '/tuner', '/tuner/x', '/tuner?token=0', '/tuner?'];
  answer(paths.map(path => ['GET', path, { Connection: 'Upgrade', Upgrade: 'websocket' }]));
});
"""


def test_only_the_dispatcher_that_was_given_the_token_may_bring_trials(node: Any, manager: Path) -> None:
    manager.write_text(CONNECT)
    paths = json.dumps(["/tuner", "/prefix/tuner"])
    assert node(manager, PATHS=paths) == [101, 403, 403, 403, 403, 403]
    assert node(manager, prefix="prefix", PATHS=paths) == [403, 101, 403, 403, 403, 403]


def test_the_token_counts_in_one_spelling_of_the_address_only(node: Any, manager: Path) -> None:
    manager.write_text(CONNECT)
    spellings = ["//tuner", "/%74uner", "/TUNER", "/tuner/", "/x/../tuner", "/\\tuner", "http://localhost/tuner"]
    assert node(manager, PATHS=json.dumps(spellings))[: len(spellings)] == [403] * len(spellings)


@pytest.mark.skipif(sys.platform != "linux", reason="users are told apart through /proc/net/tcp")
def test_the_token_is_of_no_use_to_another_user(node: Any, manager: Path) -> None:
    manager.write_text(f"process.getuid = () => 54321;\n{CONNECT}")  # whose portal it is, open to us
    assert node(manager, PATHS=json.dumps(["/tuner"]))[0] == 403


HIDDEN = """
require('./prelude');
nni.paths = { experimentRoot: process.env.FOLDER };
const { getMsgDispatcherCommand, getTunerProc } = require('common/utils');
const command = getMsgDispatcherCommand({ trialCommand: 'secret' });
command[0] = 'echo';
getTunerProc(command, ['ignore', 'pipe', 'inherit'], '/', {}).stdout.on('data', data => say(String(data).trim()));
"""


def test_the_configuration_is_in_no_command_line(node: Any, manager: Path, tmp_path: Path) -> None:
    folder = tmp_path / "it's an experiment"
    folder.mkdir()
    manager.write_text(HIDDEN)
    file = folder / "dispatcher.json"
    starter = portal.GUARD.parent / "running" / "start_dispatcher.py"
    assert node(manager, FOLDER=str(folder)) == f"{starter} --exp_params {file}"
    assert json.loads(file.read_text()) == {"trialCommand": "secret"}
    assert file.stat().st_mode & 0o777 == 0o600


def test_the_dispatcher_gets_the_configuration_from_the_file(tmp_path: Path) -> None:
    (tmp_path / "nni").mkdir()
    (tmp_path / "nni" / "__init__.py").write_text("")
    (tmp_path / "nni" / "__main__.py").write_text("import sys; print(*sys.argv[1:], sys.path[0])")
    (tmp_path / "dispatcher.json").write_text('{"a": 1}')
    words = [sys.executable, portal.GUARD.parent / "running" / "start_dispatcher.py", "--exp_params", "dispatcher.json"]
    option, given, path = subprocess.check_output(words, text=True, cwd=tmp_path).split()
    assert (option, base64.b64decode(given), path) == ("--exp_params", b'{"a": 1}', str(tmp_path))


def test_a_slow_tuner_is_waited_for(node: Any, manager: Path) -> None:
    manager.write_text(
        "require('./prelude');\n"
        "const timer = setTimeout;\n"
        "let asked;\n"
        "global.setTimeout = (then, time) => { asked ??= time; return timer(then, 0); };\n"
        "const server = require('core/tuner_command_channel').getTunerServer();\n"
        "server.init().catch(error => say([asked, error.message]));"
    )
    assert node(manager) == [120000, "the tuner did not connect in 120 s, see dispatcher.log"]
