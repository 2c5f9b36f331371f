"""Data bases of experiments, as NNI leaves them."""

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SCHEMA = """
create table TrialJobEvent (timestamp integer, trialJobId text, event text, data text, logPath text,
    sequenceId integer, message text, environmentId text);
create table MetricData (timestamp integer, trialJobId text, parameterId text, type text, sequence integer, data text);
create table ExperimentProfile (params text, id text, execDuration integer, startTime integer, endTime integer,
    logDir text, nextSequenceId integer, revision integer);
"""

Event = tuple[int, str, str, str | None, str | None, int]  # time, trial, event, parameters, folder, number
Metric = tuple[int, str, str, int, Any]  # time, trial, kind, sequence, value


def handed(stage: str, **settings: Any) -> str:
    return json.dumps({"parameter_source": "algorithm", "parameters": {"stage": {"_name": stage, **settings}}})


def write_experiment(folder: Path, config: Any, events: Sequence[Event], metrics: Sequence[Metric]) -> Path:
    """An experiment that started five seconds after 1970 began."""
    (folder / "db").mkdir(parents=True)
    base = sqlite3.connect(folder / "db" / "nni.sqlite")
    base.executescript(SCHEMA)
    for revision, params in enumerate(("{}", json.dumps(config))):
        profile = (params, folder.name, revision)
        base.execute("insert into ExperimentProfile values (?, ?, 0, 5000, null, null, 2, ?)", profile)
    base.executemany("insert into TrialJobEvent values (?, ?, ?, ?, ?, ?, null, null)", events)
    rows = [(time, job, kind, number, json.dumps(json.dumps(value))) for time, job, kind, number, value in metrics]
    base.executemany("insert into MetricData values (?, ?, '0', ?, ?, ?)", rows)
    base.commit()
    base.close()
    return folder
