"""Experiments read from NNI's files, found from anywhere, and shown by the commands."""

import json
import os
import sqlite3
from pathlib import Path

import pytest

from datagen.errors import InputError
from tests.trials.experiment.recorded import handed, write_experiment
from trials.experiment.find import find_experiment
from trials.experiment.nni import registry
from trials.experiment.record import read_record
from trials.experiment.state import query_state
from trials.experiment.table import best_job, duration

CONFIG = {
    "experimentName": "tiny",
    "tuner": {"classArgs": {"budgets": {"tune": 2, "search": 1}}},
    "searchSpace": {"stage": {"_type": "choice", "_value": [{"_name": "search"}, {"_name": "tune"}]}},
}


def written(home: Path, name: str = "exp1") -> Path:
    """An experiment whose second trial was interrupted, as NNI leaves it."""
    folder = home / name
    run = folder / "environments" / "local-env" / "trials" / "aaaaa"
    run.mkdir(parents=True)
    events = [
        (1000, "aaaaa", "WAITING", handed("search", seed=1), str(run), 0),
        (2000, "aaaaa", "RUNNING", None, str(run), 0),
        (62000, "aaaaa", "SUCCEEDED", None, str(run), 0),
        (63000, "bbbbb", "RUNNING", handed("tune", seed=2), str(run.with_name("bbbbb")), 1),
    ]
    metrics = [
        (2500, "aaaaa", "PERIODICAL", 0, {"default": 0.1}),
        (3000, "aaaaa", "FINAL", 0, {"default": 0.5}),
        (64000, "bbbbb", "PERIODICAL", 0, {"default": 0.2}),
        (64500, "bbbbb", "PERIODICAL", 1, {"default": 0.25}),
        (65000, "bbbbb", "PERIODICAL", 1, {"default": 0.3}),
    ]
    return write_experiment(folder, CONFIG, events, metrics)


def test_trials_are_read_with_status_scores_and_times(tmp_path: Path) -> None:
    record = read_record(written(tmp_path))
    first, second = record.jobs
    assert (record.id, record.name, record.started, record.budgets) == ("exp1", "tiny", 5.0, {"search": 1, "tune": 2})
    assert (first.number, first.status, first.stage, first.settings) == (0, "SUCCEEDED", "search", {"seed": 1})
    assert (first.metric, first.started, first.seconds) == ({"default": 0.5}, 2.0, 60.0)
    assert (second.status, second.metric, second.seconds) == ("RUNNING", {"default": 0.3}, None)
    assert record.reported == {"aaaaa": {0: {"default": 0.1}}, "bbbbb": {0: {"default": 0.2}, 1: {"default": 0.3}}}
    assert best_job("search", record.jobs) == first
    assert best_job("tune", record.jobs) is None


def test_what_a_trial_noted_itself_is_believed_before_what_nni_says(tmp_path: Path) -> None:
    folder = written(tmp_path)
    own = {"parameters": {"stage": {"_name": "search", "seed": 7}}}
    (folder / "environments/local-env/trials/aaaaa/provenance.json").write_text(json.dumps(own))
    assert read_record(folder).jobs[0].settings == {"seed": 7}


def test_an_interrupted_experiment_is_stopped_and_one_with_its_budget_finished(tmp_path: Path) -> None:
    folder = written(tmp_path)
    assert query_state(read_record(folder)).status == "stopped"
    base = sqlite3.connect(folder / "db" / "nni.sqlite")
    for time, job in ((70000, "bbbbb"), (80000, "ccccc")):
        base.execute("insert into TrialJobEvent values (?, ?, 'EARLY_STOPPED', ?, null, 2, null, null)",
                     (time, job, handed("tune")))  # fmt: skip
    base.commit()
    base.close()
    assert query_state(read_record(folder)).status == "finished"


def test_a_folder_without_a_data_base_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nni\.sqlite: cannot be read"):
        read_record(tmp_path)


def test_the_experiment_at_work_last_is_meant_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    config = tmp_path / "nni_config.yml"
    config.write_text("experimentWorkingDirectory: ./here")
    with pytest.raises(InputError, match="no experiment is known"):
        find_experiment(None, config)
    old, new, elsewhere = (written(tmp_path / place, name) for place, name in
                           (("here", "old1"), ("here", "new1"), ("there", "else")))  # fmt: skip
    os.utime(old / "db" / "nni.sqlite", (1, 1))
    (tmp_path / "here" / "_latest").symlink_to(old)
    listed = {"else": {"id": "else", "logDir": str(elsewhere.parent), "status": "RUNNING", "pid": 1}}
    (tmp_path / "home" / "nni-experiments" / ".experiment").write_text(json.dumps(listed))
    assert find_experiment(None, config) == new
    assert find_experiment("ol", config) == old
    assert find_experiment("else", config) == elsewhere
    assert find_experiment(None, tmp_path / "none.yml") == elsewhere
    with pytest.raises(InputError, match="no such experiment; known are else, new1, old1"):
        find_experiment("x", config)
    registry.forget_process("else")
    entry = json.loads((tmp_path / "home" / "nni-experiments" / ".experiment").read_text())["else"]
    assert (entry["status"], entry["pid"]) == ("STOPPED", 0)


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, ""), (5, "0 min 05 s"), (125, "2 min 05 s"), (7300, "2 h 01 min")]
)
def test_durations(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text
