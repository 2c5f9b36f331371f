"""Experiments read from NNI's files, found from anywhere, and shown by the commands."""

import json
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from datagen.errors import InputError
from trials.experiment.find import find_experiment
from trials.experiment.nni import registry
from trials.experiment.record import read_record
from trials.experiment.state import query_state
from trials.experiment.table import best_job, duration

SCHEMA = """
create table TrialJobEvent (timestamp integer, trialJobId text, event text, data text, logPath text,
    sequenceId integer, message text, environmentId text);
create table MetricData (timestamp integer, trialJobId text, parameterId text, type text, sequence integer, data text);
create table ExperimentProfile (params text, id text, execDuration integer, startTime integer, endTime integer,
    logDir text, nextSequenceId integer, revision integer);
"""
CONFIG = {
    "experimentName": "tiny",
    "tuner": {"classArgs": {"budgets": {"tune": 2, "search": 1}}},
    "searchSpace": {"stage": {"_type": "choice", "_value": [{"_name": "search"}, {"_name": "tune"}]}},
}


def handed(stage: str, **settings: Any) -> str:
    return json.dumps({"parameter_source": "algorithm", "parameters": {"stage": {"_name": stage, **settings}}})


def written(home: Path, name: str = "exp1", at: int = 0) -> Path:
    """An experiment whose second trial was interrupted, as NNI leaves it."""
    folder = home / name
    (folder / "db").mkdir(parents=True)
    run = folder / "environments" / "local-env" / "trials" / "aaaaa"
    run.mkdir(parents=True)
    base = sqlite3.connect(folder / "db" / "nni.sqlite")
    base.executescript(SCHEMA)
    base.execute("insert into ExperimentProfile values (?, ?, 0, 5000, null, null, 2, 0)", ("{}", name))
    base.execute("insert into ExperimentProfile values (?, ?, 0, 5000, null, null, 2, 1)", (json.dumps(CONFIG), name))
    events = [
        (1000, "aaaaa", "WAITING", handed("search", seed=1), str(run), 0),
        (2000, "aaaaa", "RUNNING", None, str(run), 0),
        (62000, "aaaaa", "SUCCEEDED", None, str(run), 0),
        (63000, "bbbbb", "RUNNING", handed("tune", seed=2), str(run.with_name("bbbbb")), 1),
    ]
    base.executemany("insert into TrialJobEvent values (?, ?, ?, ?, ?, ?, null, null)", events)
    metrics = [
        (2500, "aaaaa", "PERIODICAL", {"default": 0.1}),
        (3000, "aaaaa", "FINAL", {"default": 0.5}),
        (64000, "bbbbb", "PERIODICAL", {"default": 0.2}),
        (65000, "bbbbb", "PERIODICAL", {"default": 0.3}),
    ]
    rows = [(time, job, kind, json.dumps(json.dumps(value))) for time, job, kind, value in metrics]
    base.executemany("insert into MetricData values (?, ?, '0', ?, 0, ?)", rows)
    base.commit()
    base.close()
    return folder


def test_trials_are_read_with_status_scores_and_times(tmp_path: Path) -> None:
    record = read_record(written(tmp_path))
    first, second = record.jobs
    assert (record.id, record.name, record.started, record.budgets) == ("exp1", "tiny", 5.0, {"search": 1, "tune": 2})
    assert (first.number, first.status, first.stage, first.settings) == (0, "SUCCEEDED", "search", {"seed": 1})
    assert (first.metric, first.started, first.seconds) == ({"default": 0.5}, 2.0, 60.0)
    assert (second.status, second.metric, second.seconds) == ("RUNNING", {"default": 0.3}, None)
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
