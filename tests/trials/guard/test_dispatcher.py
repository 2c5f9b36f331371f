"""The manager and its dispatcher."""

from pathlib import Path
from typing import Any

CONNECT = """
require('./prelude');
const { answer } = require('./serve');
const environment = { NNI_TUNER_COMMAND_CHANNEL: 'ws://localhost:1/tuner' };
const { getTunerProc } = require('common/utils');
const echo = ['echo', '$NNI_TUNER_COMMAND_CHANNEL'];
const dispatcher = getTunerProc(echo, ['ignore', 'pipe', 'inherit'], '/', environment);
dispatcher.stdout.on('data', data => {
  const secret = String(data).trim().split('?')[1];
  const paths = [`/tuner?${secret}`, `/prefix/tuner?${secret}`, '/tuner', '/tuner/x', '/tuner?token=0', '/tuner?'];
  answer(paths.map(path => ['GET', path, { Connection: 'Upgrade', Upgrade: 'websocket' }]));
});
"""


def test_only_the_dispatcher_that_was_given_the_token_may_bring_trials(node: Any, manager: Path) -> None:
    manager.write_text(CONNECT)
    assert node(manager) == [101, 101, 403, 403, 403, 403]


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
