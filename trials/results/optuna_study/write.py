"""An NNI experiment as Optuna studies, for Optuna's own tools: one study a stage, since each varies other settings.

stage       study                       objectives
search      NAME ID/search              the score by which its trials are ranked
tune        NAME ID/tune                the same
compress    NAME ID/compress            SSIM, non-zero parameters: the Pareto front

trial's status                                        state
succeeded, with finite scores                         COMPLETE
stopped early                                         PRUNED
failed, cancelled, interrupted, without a score       FAIL
running, waiting                                      RUNNING, WAITING
"""

import json
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import optuna
from optuna.artifacts import ArtifactMeta, FileSystemArtifactStore, exceptions, get_all_artifact_meta
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy import Engine, event
from sqlalchemy.exc import DBAPIError

from datagen.errors import InputError
from trials.experiment.nni.manager import Job
from trials.experiment.record import ExperimentRecord
from trials.experiment.tuner.schedule import final_score
from trials.results.optuna_study.study_space import Distribution, distributions, split
from trials.training.pictures.names import last_picture

SCORE = {"default": "maximize"}  # metric → goal
FRONT = {"ssim": "maximize", "nonzero": "minimize"}  # of compressed networks
CELLS = "cells.png"  # of a search
OF_STATUS = {"SUCCEEDED": TrialState.COMPLETE, "EARLY_STOPPED": TrialState.PRUNED}
AT_WORK = {"RUNNING": TrialState.RUNNING, "WAITING": TrialState.WAITING}
OWN = "seisnas_experiment"  # attribute of our studies


def study_names(record: ExperimentRecord) -> dict[str, str]:
    """Stage → name of its study, of the stages that have trials.  Raises InputError: another tuner's experiment."""
    stages = [stage for stage in record.budgets if any(job.stage == stage for job in record.jobs)]
    if not stages:
        raise InputError(
            f"experiment {record.id}: has no trials of SeisNAS's tuner yet; seisnas ls --all lists the others"
        )
    return {stage: f"{record.name} {record.id}/{stage}" for stage in stages}


def write_studies(record: ExperimentRecord, url: str, pictures: Path, *, interrupted: bool) -> list[str]:
    """Puts the studies of an experiment into the database at `url`, in the place of those of an earlier export.

    `pictures`: the folder of the trials' pictures, which exists.  `interrupted`: nothing is running, whatever the last
    status.  Returns the pictures of the earlier export, which nothing refers to any more.

    Raises InputError: another tuner's experiment, a study of the same name that is not of this experiment, or a data
    base that cannot be written.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    left: list[str] = []
    with _unsynchronised(), _reported(url):
        storage, store = optuna.storages.RDBStorage(url), FileSystemArtifactStore(pictures)
        try:
            for stage, name in study_names(record).items():
                left += _forget(storage, name, record.id)
                _write_study(record, stage, name, storage, store, interrupted)
        finally:
            storage.engine.dispose()
    return left


@contextmanager
def _unsynchronised() -> Iterator[None]:
    """Optuna waits for the disk after every attribute; the file is another's until it is whole, so nothing is lost."""

    def hurry(connection: Any, _: Any) -> None:
        connection.execute("pragma synchronous = off")

    event.listen(Engine, "connect", hurry)
    try:
        yield
    finally:
        event.remove(Engine, "connect", hurry)


@contextmanager
def _reported(url: str) -> Iterator[None]:
    """Raises InputError for what a data base says: a full disk, a damaged file."""
    try:
        yield
    except (DBAPIError, optuna.exceptions.StorageInternalError) as error:
        raise InputError(f"{url}: cannot be read or written: {str(error.__cause__ or error).splitlines()[0]}") from None


def remove_pictures(names: Sequence[str], pictures: Path) -> None:
    store = FileSystemArtifactStore(pictures)
    for name in names:
        with suppress(exceptions.ArtifactNotFound):
            store.remove(name)


def _forget(storage: Any, name: str, experiment: str) -> list[str]:
    """Removes a study of an earlier export; returns the names of its pictures."""
    if name not in optuna.get_all_study_names(storage):
        return []
    study = optuna.load_study(study_name=name, storage=storage)
    if study.user_attrs.get(OWN) != experiment:
        raise InputError(f"study {name!r}: is there already, and not of this experiment; give another file")
    shown = [each.artifact_id for trial in study.trials for each in get_all_artifact_meta(trial, storage=storage)]
    optuna.delete_study(study_name=name, storage=storage)
    return shown


def _write_study(record: ExperimentRecord, stage: str, name: str, storage: Any, store: Any, interrupted: bool) -> None:
    jobs = [job for job in record.jobs if job.stage == stage]
    goals = FRONT if stage == "compress" and any(_values(job, FRONT) for job in jobs) else SCORE
    study = optuna.create_study(storage=storage, study_name=name, directions=list(goals.values()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study.set_metric_names(["score" if metric == "default" else metric for metric in goals])
    for key, value in {OWN: record.id, "experiment": record.name, "stage": stage, "folder": str(record.folder)}.items():
        study.set_user_attr(key, value)
    space = distributions(record.config["searchSpace"], stage, [job.settings for job in jobs])
    for job in jobs:
        trial = _trial(job, record, goals, space, interrupted)
        trial.system_attrs = _stored(_picture(job, record), store)
        study.add_trial(trial)


def _stored(picture: Path | None, store: Any) -> dict[str, str]:
    """Puts a picture into the store; what `upload_artifact` would note of it, which takes no trial that has ended."""
    if picture is None:
        return {}
    artifact = ArtifactMeta(artifact_id=str(uuid4()), filename=picture.name, mimetype="image/png", encoding=None)
    with open(picture, "rb") as stream:
        store.write(artifact.artifact_id, stream)
    return {f"artifacts:{artifact.artifact_id}": json.dumps(asdict(artifact))}


def _trial(
    job: Job, record: ExperimentRecord, goals: Mapping[str, str], space: Mapping[str, Distribution], interrupted: bool
) -> FrozenTrial:
    values, params, odd = _values(job, goals), *split(job.settings, space)
    state = OF_STATUS.get(job.status, TrialState.FAIL)
    if not job.ended and not interrupted:
        state = AT_WORK.get(job.status, TrialState.FAIL)
    if state == TrialState.COMPLETE and values is None:
        state = TrialState.FAIL
    trial = create_trial(
        state=state,
        values=values if state == TrialState.COMPLETE else None,
        params=params,
        distributions={path: space[path] for path in params},
        intermediate_values=_intermediates(record.reported.get(job.id, {})),
        user_attrs={**_attributes(job, record, interrupted), **odd},
    )
    begun = datetime.fromtimestamp(job.started or record.started)
    trial.datetime_start = None if state == TrialState.WAITING else begun
    trial.datetime_complete = begun + timedelta(seconds=job.seconds or 0.0) if state.is_finished() else None
    return trial


def _values(job: Job, goals: Mapping[str, str]) -> list[float] | None:
    """Of a trial that has succeeded; None: a value is missing or not finite, or its score is."""
    metric = job.metric
    if job.status != "SUCCEEDED" or final_score(metric) is None:
        return None
    found = [metric.get(name) for name in goals]
    return found if all(isinstance(each, int | float) and math.isfinite(each) for each in found) else None


def _intermediates(reported: Mapping[int, Any]) -> dict[int, float]:
    scores = {number: final_score(metric) for number, metric in reported.items()}
    return {number: score for number, score in scores.items() if score is not None}


def _attributes(job: Job, record: ExperimentRecord, interrupted: bool) -> dict[str, Any]:
    status = job.status.lower() if job.ended or not interrupted else "interrupted"
    picture, folder = _picture(job, record), record.run_of(job)
    winner = (job.parameters.get("winner") or {}).get("run")
    metrics = job.metric if isinstance(job.metric, dict) else {}
    facts = {
        "trial": job.id,
        "number": job.number,
        "status": status,
        "folder": str(folder) if folder else None,
        "picture": str(picture) if picture else None,
        "starts_from": winner,
        **{name: value for name, value in metrics.items() if isinstance(value, int | float) and math.isfinite(value)},
    }
    return {name: value for name, value in facts.items() if value is not None}


def _picture(job: Job, record: ExperimentRecord) -> Path | None:
    folder = record.run_of(job)
    if folder is None:
        return None
    cells = folder / CELLS
    return last_picture(folder) or (cells if cells.is_file() else None)
