"""The portal's page."""

import json
from pathlib import Path
from typing import Any


def test_the_page_brings_its_icons_and_asks_nobody_else(node: Any, manager: Path) -> None:
    paths = ["/", "/oview", "/static/a.js", "/api/v1/nni/version"]
    asked = [["GET", path, {"Accept": "text/html,*/*"}] for path in paths]
    manager.write_text(f"const {{ answer, page }} = require('./serve'); answer({json.dumps(asked)}, page);")
    home, overview, script, version = node(manager)
    assert home == overview
    text, policy = home
    assert 'iconBaseUrl:"data:,"' in text
    assert 'data-icon-name="ChevronDown"' in text
    assert "default-src 'self'" in policy
    assert script[0] == version[0] == "NNI"


SHOWN = """
const { answer, page } = require('./serve');
const handed = _name => JSON.stringify({ parameters: { stage: { _name } } });
const trial = (sequenceId, name) => ({ sequenceId, hyperParameters: [handed(name)] });
class Experiment extends NNIManager {
  getExperimentProfile() { return { id: 'abc', params: JSON.parse(process.env.PARAMS) }; }
  async listTrialJobs() { return [trial(1, 'tune'), trial(0, 'search')]; }
}
const parts = { log: { info() {} }, storeExperimentProfile() { throw 1; } };
const it = Object.assign(Object.create(Experiment.prototype), parts);
it.startExperiment({}).catch(() => {});
answer([['GET', '/detail', { Accept: 'text/html' }]], page);
"""


def test_the_page_begins_with_the_stages_of_trials_and_the_settings_of_the_latest(node: Any, manager: Path) -> None:
    manager.write_text("require('./prelude');\n" + SHOWN)
    branches = [{"_name": "search", "a": {}}, {"_name": "tune", "b</script>": {}, "c": {}}]
    space = {"stage": {"_type": "choice", "_value": branches}}
    [[text, _]] = node(manager, PARAMS=json.dumps({"searchSpace": space}))
    assert '"abc_paraColumns":["b\\u003c/script>","c","default"' in text
    assert '"abc_columns":["sequenceId","id","duration","status","latestAccuracy","space/stage"]' in text


def test_a_page_of_an_experiment_without_stages_is_nnis(node: Any, manager: Path) -> None:
    manager.write_text("require('./prelude');\n" + SHOWN)
    [[text, _]] = node(manager, PARAMS=json.dumps({"searchSpace": {"x": {"_type": "uniform", "_value": [0, 1]}}}))
    assert "paraColumns" not in text
    assert 'iconBaseUrl:"data:,"' in text
