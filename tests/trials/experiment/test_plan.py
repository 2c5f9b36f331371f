import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from datagen.errors import InputError
from trials.experiment.plan import finished_trials, load_plan, read_state, write_state

SPACE = {
    "stage": {
        "_type": "choice",
        "_value": [{"_name": stage, "seed": {"_type": "randint", "_value": [0, 9]}} for stage in ("search", "tune")],
    }
}
PRESET = Path(__file__).parents[3] / "presets" / "quickstart.yml"
CONFIG: dict[str, Any] = {
    "experimentName": "tiny",
    "searchSpaceFile": "suite.yml",
    "trialCommand": "python -m trials --preset tiny.yml",
    "trialCodeDirectory": ".",
    "trialConcurrency": 1,
    "maxTrialNumber": 100,
    "tuner": {
        "className": "trials.experiment.tuner.suite_tuner.SuiteTuner",
        "codeDirectory": ".",
        "classArgs": {"budgets": {"search": 1, "tune": 2}, "seed": 1},
    },
    "trainingService": {"platform": "local"},
    "experimentWorkingDirectory": "./nni-experiments",
}


def written(folder: Path, **changes: Any) -> Path:
    """An NNI configuration with its search space and preset."""
    (folder / "suite.yml").write_text(yaml.safe_dump(SPACE))
    shutil.copy(PRESET, folder / "tiny.yml")
    (folder / "nni.yml").write_text(yaml.safe_dump(CONFIG | changes))
    return folder / "nni.yml"


def test_the_projects_own_configuration_is_usable() -> None:
    root = Path(__file__).parents[3]
    plan = load_plan(root / "nni_config.yml")
    assert plan.budgets == {"search": 2, "tune": 2, "compress": 2}
    assert plan.folder == root / "nni-experiments"


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"trialComand": "python x.py"}, "trialcomand"),
        ({"trialConcurrency": "two"}, "trial_concurrency"),
        ({"trainingService": {"platform": "moon"}}, "platform"),
        ({"searchSpaceFile": "missing.yml"}, "missing.yml"),
        ({"maxTrialNumber": 2}, "maxTrialNumber: got 2"),
        ({"tuner": {**CONFIG["tuner"], "classArgs": {"budgets": {"search": 0}}}}, "each stage needs 1 trial or more"),
        ({"tuner": {**CONFIG["tuner"], "classArgs": {"budgets": {"search": 1}}}}, "the search space has search, tune"),
        ({"tuner": {**CONFIG["tuner"], "classArgs": {"budget": {"search": 1}}}}, "budget"),
        ({"tuner": {"name": "TPE"}}, "tuner.name: got TPE"),
        ({"tuner": {"name": "Anneal"}}, "Anneal does not work here: it fails after two trials"),
        ({"tuner": {**CONFIG["tuner"], "className": "nowhere.Tuner"}}, "no module nowhere"),
        ({"assessor": {"name": "Medianstop"}}, "mixes the trials of all stages"),
        ({"trialConcurrency": 0}, "self.trial_concurrency > 0"),
    ],
)
def test_what_nni_or_the_tuner_refuses_is_an_input_error(
    tmp_path: Path, changes: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(InputError, match=complaint):
        load_plan(written(tmp_path, **changes))
    load_plan(written(tmp_path))  # NNI is not left in a state in which it refuses the next one


def test_a_missing_or_broken_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_plan(tmp_path / "nni.yml")
    (tmp_path / "nni.yml").write_text("a: [")
    with pytest.raises(InputError, match="not a usable"):
        load_plan(tmp_path / "nni.yml")


def test_the_digest_tells_a_changed_setting_from_a_changed_comment(tmp_path: Path) -> None:
    path = written(tmp_path)
    before = load_plan(path).digest
    path.write_text(f"# a comment\n{path.read_text()}")
    assert load_plan(path).digest == before
    (tmp_path / "tiny.yml").write_text(PRESET.read_text().replace("seed: 1", "seed: 2"))
    assert load_plan(path).digest != before
    written(tmp_path, trialConcurrency=2)
    assert load_plan(path).digest != before


def test_the_state_is_read_back_while_the_experiment_is_there(tmp_path: Path) -> None:
    plan = load_plan(written(tmp_path))
    assert read_state(plan) is None
    (plan.folder / "abc" / "db").mkdir(parents=True)
    write_state(plan, "abc", finished=False)
    state = read_state(plan)
    assert state is not None
    assert (state.experiment, state.finished, state.digest) == ("abc", False, plan.digest)
    (plan.folder / "abc" / "db").rmdir()
    assert read_state(plan) is None
    plan.state_file.write_text("{")
    assert read_state(plan) is None


def test_finished_trials_are_found_in_the_order_in_which_they_ended(tmp_path: Path) -> None:
    for age, (name, stage) in enumerate([("b", "search"), ("a", "tune"), ("c", None)]):
        run = tmp_path / "environments" / "local-env" / "trials" / name
        run.mkdir(parents=True)
        (run / "provenance.json").write_text(json.dumps({"parameters": {"stage": {"_name": stage, "seed": 3}}}))
        if stage:
            (run / "result.json").write_text(json.dumps({"default": age}))
            os.utime(run / "result.json", (age, age))
    first, second = finished_trials(tmp_path)
    assert (first.id, first.stage, first.metrics) == ("b", "search", {"default": 0})
    assert (second.id, second.stage, second.run.name) == ("a", "tune", "a")
    assert first.parameters["stage"]["seed"] == 3
