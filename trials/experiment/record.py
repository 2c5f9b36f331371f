"""One experiment as recorded in its files, running or not.

nni-experiments/ID/db/nni.sqlite                    configuration, trials, metrics, as NNI's manager wrote them
nni-experiments/ID/environments/*/trials/*/         the parameters that each trial noted
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from datagen.errors import InputError
from datagen.files.reading import parse_json, read_json
from trials.experiment.nni.manager import ENDED, Job, make_job, unpack

WAITING = frozenset({"ADD_HYPERPARAMETER", "ADD_RESUMED", "ADD_CUSTOMIZED", "WAITING"})


@dataclass(frozen=True)
class ExperimentRecord:
    """One experiment."""

    id: str
    folder: Path
    config: dict[str, Any]  # its NNI configuration, with absolute paths
    started: float  # [s since 1970]
    jobs: list[Job]  # in the order of the web page; the metric is the final one, or the latest while a trial runs
    reported: dict[str, dict[int, Any]] = field(default_factory=dict)  # trial → number → intermediate metric

    @property
    def name(self) -> str:
        return str(self.config.get("experimentName") or "")

    @property
    def budgets(self) -> dict[str, int]:
        """Stage → trials in the order of the search space; empty when another tuner than ours runs it."""
        budgets = ((self.config.get("tuner") or {}).get("classArgs") or {}).get("budgets") or {}
        space = self.config.get("searchSpace") or {}
        stages = [branch["_name"] for branch in space.get("stage", {}).get("_value", []) if "_name" in branch]
        return {stage: budgets[stage] for stage in stages if stage in budgets}

    def run_of(self, job: Job) -> Path | None:
        """Where the trial's files are: as NNI noted it, or in the experiment's folder if that was moved."""
        if job.folder is not None and job.folder.is_dir():
            return job.folder
        return next(self.folder.glob(f"environments/*/trials/{job.id}"), job.folder)


def read_record(folder: Path) -> ExperimentRecord:
    """Reads the database in the folder of an experiment.  Raises InputError when it cannot be read."""
    file = folder / "db" / "nni.sqlite"
    try:
        with contextlib.closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=10)) as base:
            base.row_factory = sqlite3.Row
            profile = base.execute("select * from ExperimentProfile order by revision desc limit 1").fetchone()
            events = base.execute("select * from TrialJobEvent order by timestamp, rowid").fetchall()
            metrics = base.execute("select * from MetricData order by timestamp, rowid").fetchall()
    except (sqlite3.Error, OSError) as error:
        raise InputError(f"{file}: cannot be read ({error}); is {folder.parent} a folder of NNI experiments?") from None
    if profile is None:
        raise InputError(f"{file}: nothing in it, the experiment did not start; seisnas run starts a new one")
    try:
        config = parse_json(profile["params"], str(file))
        jobs = list(_jobs(events, metrics))
        reported = _reported(metrics)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{file}: does not hold an experiment of NNI 3.0: {error!r}") from None
    return ExperimentRecord(folder.name, folder, config, (profile["startTime"] or 0) / 1000, jobs, reported)


def _reported(metrics: list[sqlite3.Row]) -> dict[str, dict[int, Any]]:
    """Of what a trial repeated after a resume the later counts."""
    reported: dict[str, dict[int, Any]] = {}
    for row in metrics:
        if row["type"] == "PERIODICAL":
            reported.setdefault(row["trialJobId"], {})[row["sequence"]] = unpack(row["data"])
    return reported


def _jobs(events: list[sqlite3.Row], metrics: list[sqlite3.Row]) -> Iterator[Job]:
    finals, latest = (
        {row["trialJobId"]: unpack(row["data"]) for row in metrics if row["type"] == kind}
        for kind in ("FINAL", "PERIODICAL")
    )
    histories: dict[str, list[sqlite3.Row]] = {}
    for event in events:
        if event["event"] != "IMPORT_DATA":
            histories.setdefault(event["trialJobId"], []).append(event)
    for job_id, history in histories.items():
        status = history[-1]["event"]
        status = "WAITING" if status in WAITING else status
        metric = finals.get(job_id) if status == "SUCCEEDED" else latest.get(job_id)
        yield _own_word(_job(job_id, history, status, metric))


def _job(job_id: str, history: list[sqlite3.Row], status: str, metric: Any) -> Job:
    def last(column: str) -> Any:
        return next((event[column] for event in reversed(history) if event[column] is not None), None)

    return make_job(
        job_id,
        status,
        handed=last("data"),
        metric=metric,
        folder=last("logPath"),
        number=last("sequenceId"),
        started=next((event["timestamp"] for event in history if event["event"] == "RUNNING"), None),
        ended=history[-1]["timestamp"] if status in ENDED else None,
    )


def _own_word(job: Job) -> Job:
    """With the parameters that the trial noted itself, if any: NNI may record those of another trial."""
    if job.folder is None:
        return job
    try:
        noted = read_json(job.folder / "provenance.json", nan=True)["parameters"]
    except (InputError, KeyError, TypeError):
        return job
    return replace(job, parameters=noted or job.parameters)
