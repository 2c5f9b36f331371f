"""What the manager does on request."""

import json
from pathlib import Path
from typing import Any

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


def test_nothing_that_python_would_make_an_object_of_comes_in(node: Any, manager: Path) -> None:
    manager.write_text("require('./prelude');\n" + REFUSED)
    objects = [
        '{"a": {"__nni_type__": "bytes:gASV"}}',
        '[{"__nni_obj__": "gASV"}]',
        '{"a": "{\\"__symbol__\\": 1}"}',
        '{"\\u005f_enum__": {}}',
        '{"a": "{\\"\\\\u005f\\\\u005fnni_type__\\": 1}"}',
    ]
    said = "refused: names that start with two underscores"
    assert node(manager, TEXTS=json.dumps(objects)) == [said, said, said, 0, 0, 0] * len(objects)


def test_ordinary_parameters_and_metrics_come_in(node: Any, manager: Path) -> None:
    manager.write_text("require('./prelude');\n" + REFUSED)
    plain = ['{"stage": {"_name": "tune", "loss.ssim": 0.5}, "run": "/home/a__b/__init__.py"}']
    assert node(manager, TEXTS=json.dumps(plain)) == [1] * 6


def test_a_metric_that_is_no_json_ends_nothing(node: Any, manager: Path) -> None:
    manager.write_text(
        "require('./prelude');\n"
        "const it = { dataStore: { storeMetricData(_, data) { JSON.parse(data).type; } },"
        " dispatcher: { sendCommand() {} }, trialJobs: new Map([['t1', {}]]), log: { debug() {} } };\n"
        "const send = data => NNIManager.prototype.onTrialJobMetrics.call(it, { id: 't1', data })"
        ".then(() => 'well', error => error.message);\n"
        "Promise.all(['no JSON', '', '5', '{}'].map(send)).then(say);"
    )
    assert node(manager) == ["well"] * 4


def test_an_experiment_is_started_once(node: Any, manager: Path) -> None:
    manager.write_text(
        "require('./prelude');\n"
        + "const it = { storeExperimentProfile() { throw new Error('it starts'); }, log: { info() {} } };\n"
        "const start = () => NNIManager.prototype.startExperiment.call(it, {}).catch(error => error.message);\n"
        "start().then(first => start().then(second => say([first, second])));"
    )
    assert node(manager) == ["it starts", "refused: the experiment has been started"]


def test_numbers_go_on_after_a_resume(node: Any, manager: Path) -> None:
    manager.write_text(
        "require('./prelude');\n"
        "const count = jobs => { const it = { experimentProfile: {} };"
        " NNIManager.prototype.addRecoveredTrialJob.call(it, jobs); return it.experimentProfile.nextSequenceId; };\n"
        "const ended = sequenceId => ({ status: 'SUCCEEDED', sequenceId });\n"
        "say([count([]), count([ended(0)]), count([ended(3), ended(1)])]);"
    )
    assert node(manager) == [0, 1, 4]


def test_a_trial_that_was_to_run_again_is_resumed_after_a_second_kill(node: Any, manager: Path) -> None:
    manager.write_text(
        "require('./prelude');\n"
        "const { NNIDataStore } = require('core/nniDataStore');\n"
        "const store = Object.assign(Object.create(NNIDataStore.prototype), { log: { debug() {}, error() {} } });\n"
        "const event = event => ({ trialJobId: 't', event, timestamp: 1, data: '', sequenceId: 4 });\n"
        "const status = (...events) => store.getTrialJobsByReplayEvents(events.map(event)).get('t').status;\n"
        "say([status('RUNNING', 'ADD_RESUMED'), status('RUNNING', 'ADD_RESUMED', 'SUCCEEDED')]);"
    )
    assert node(manager) == ["WAITING", "SUCCEEDED"]
