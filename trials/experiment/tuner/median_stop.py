"""Median stop within a stage: ends a trial that is worse than half of the finished ones at the same epoch.

    stop  ⟺  max_{e ≤ E} score(e)  <  median over finished trials k of  mean_{e ≤ E} score_k(e)

The rule of Google Vizier (Golovin et al. 2017).  NNI's own assessor mixes the trials of all stages, whose epochs and
scores are not comparable, and forgets the finished ones on resume.
"""

import logging
from collections import defaultdict
from collections.abc import Sequence
from statistics import fmean, median_low
from typing import Any

import requests
from nni.assessor import Assessor, AssessResult

from datagen.errors import InputError
from trials.experiment.nni.manager import Manager
from trials.experiment.tuner.schedule import final_score

log = logging.getLogger(__name__)

Curve = dict[int, float]  # epochs done → score


class StageMedianStop(Assessor):  # type: ignore[misc]  # nni has no types
    """Judges a trial by its stage's finished trials.

    Parameters
    ----------
    start_epoch
        No trial is ended before this many epochs.
    trials
        No trial is ended before this many of its stage have finished.
    """

    def __init__(self, start_epoch: int = 4, trials: int = 3, manager: Manager | None = None) -> None:
        for name, value in (("start_epoch", start_epoch), ("trials", trials)):
            if type(value) is not int or value < 1:
                raise InputError(f"assessor.classArgs.{name}: got {value!r}; allowed is a whole number from 1 on")
        self._start_epoch, self._trials = start_epoch, trials
        self._manager = manager or Manager.of_dispatcher()
        self._stages: dict[str, str | None] = {}  # by job id
        self._running: dict[str, Curve] = {}  # by job id
        self._finished: dict[str | None, list[Curve]] = defaultdict(list)  # by stage

    def load_checkpoint(self) -> None:
        """Called on resume: reads the curves of the finished trials."""
        for job in self._manager.jobs():
            if job.status == "SUCCEEDED" and job.stage is not None:
                self._finished[job.stage].append(learning_curve(self._manager.intermediates(job.id)))

    def assess_trial(self, trial_job_id: str, trial_history: Sequence[Any]) -> AssessResult:
        """Good or Bad, after each intermediate result."""
        self._running[trial_job_id] = curve = learning_curve(trial_history)
        stage = self._find_stage(trial_job_id)
        epoch = max(curve, default=0)
        if stage is None or epoch < self._start_epoch:
            return AssessResult.Good
        means = [_mean_until(epoch, other) for other in self._finished[stage] if max(other, default=0) >= epoch]
        if len(means) < self._trials or max(curve.values()) >= median_low(means):
            return AssessResult.Good
        log.info("%s: trial %s ends at epoch %d, below the median of %d", stage, trial_job_id, epoch, len(means))
        return AssessResult.Bad

    def trial_end(self, trial_job_id: str, success: bool) -> None:
        """Keeps the curve of a successful trial."""
        curve = self._running.pop(trial_job_id, None)
        if success and curve is not None and (stage := self._find_stage(trial_job_id)) is not None:
            self._finished[stage].append(curve)

    def _find_stage(self, job_id: str) -> str | None:
        """None for a trial that a user added, and while the manager does not answer."""
        if job_id not in self._stages:
            try:
                self._stages[job_id] = self._manager.job(job_id).stage
            except requests.RequestException as error:
                log.warning("the stage of trial %s is not known: %s", job_id, error)
                return None
        return self._stages[job_id]


def learning_curve(history: Sequence[Any]) -> Curve:
    """Intermediate results as epoch → score; without an `epoch` they count from 1."""
    curve: Curve = {}
    for position, metric in enumerate(history, start=1):
        score = final_score(metric)
        if score is not None:
            curve[int(metric.get("epoch", position))] = score
    return curve


def _mean_until(epoch: int, curve: Curve) -> float:
    return fmean(score for each, score in curve.items() if each <= epoch)
