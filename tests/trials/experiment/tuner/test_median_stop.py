from typing import Any

import pytest
import requests
from nni.assessor import AssessResult

from datagen.errors import InputError
from trials.experiment.nni.manager import Job, Manager
from trials.experiment.tuner.median_stop import StageMedianStop, learning_curve

RISING = [0.1, 0.2, 0.3, 0.4]
LOW = [0.0, 0.05, 0.1, 0.12]


class Record(Manager):
    """What the manager would answer: the stage of a trial is the first word of its id."""

    def __init__(self) -> None:
        self.curves: dict[str, list[Any]] = {}
        self.silent = False

    def job(self, job_id: str) -> Job:
        if self.silent:
            raise requests.ConnectionError
        return Job(job_id, "SUCCEEDED", {"stage": {"_name": job_id.split("-")[0]}}, {"default": 1.0}, None)

    def jobs(self) -> list[Job]:
        return [self.job(job_id) for job_id in self.curves]

    def intermediates(self, job_id: str) -> list[Any]:
        return self.curves[job_id]


def reports(scores: list[float]) -> list[dict[str, float]]:
    return [{"default": score, "epoch": epoch} for epoch, score in enumerate(scores, start=1)]


@pytest.fixture
def record() -> Record:
    return Record()


@pytest.fixture
def assessor(record: Record) -> StageMedianStop:
    """It has seen three finished trials of the stage tune."""
    one = StageMedianStop(start_epoch=2, trials=3, manager=record)
    for name in ("tune-a", "tune-b", "tune-c"):
        live(one, name, RISING)
    return one


def live(assessor: StageMedianStop, job: str, scores: list[float], *, success: bool = True) -> int | None:
    """Reports epoch by epoch; returns the epoch at which it was ended, None when it came to its end."""
    for epoch in range(1, len(scores) + 1):
        if assessor.assess_trial(job, reports(scores[:epoch])) is AssessResult.Bad:
            assessor.trial_end(job, False)
            return epoch
    assessor.trial_end(job, success)
    return None


def test_a_trial_below_the_median_is_ended_and_a_better_one_is_not(assessor: StageMedianStop) -> None:
    assert live(assessor, "tune-d", LOW) == 2
    assert live(assessor, "tune-e", [score + 0.1 for score in RISING]) is None


def test_nothing_is_ended_before_the_start_epoch(record: Record) -> None:
    assessor = StageMedianStop(start_epoch=4, trials=1, manager=record)
    live(assessor, "tune-a", RISING)
    assert live(assessor, "tune-b", LOW) == 4


def test_trials_of_another_stage_do_not_count(assessor: StageMedianStop) -> None:
    assert live(assessor, "compress-a", LOW) is None


def test_the_same_epochs_are_compared(assessor: StageMedianStop) -> None:
    """A trial that goes on after a restart reports its later epochs only."""
    late = [{"default": 0.15, "epoch": 3}]  # better than the others' first epochs, worse than their mean of three
    assert assessor.assess_trial("tune-d", late) is AssessResult.Bad
    beyond = [{"default": 0.0, "epoch": 9}]  # no finished trial has come so far
    assert assessor.assess_trial("tune-e", beyond) is AssessResult.Good


def test_trials_that_failed_or_were_ended_early_are_no_measure(record: Record) -> None:
    assessor = StageMedianStop(start_epoch=1, trials=1, manager=record)
    live(assessor, "tune-a", RISING, success=False)
    assert live(assessor, "tune-b", LOW) is None
    assert live(assessor, "tune-c", [-1.0]) == 1
    assert live(assessor, "tune-d", LOW) is None


def test_finished_trials_count_after_a_resume(record: Record) -> None:
    record.curves = {name: reports(RISING) for name in ("tune-a", "tune-b", "tune-c")}
    assessor = StageMedianStop(start_epoch=2, trials=3, manager=record)
    assessor.load_checkpoint()
    assert live(assessor, "tune-d", LOW) == 2


def test_a_manager_that_does_not_answer_ends_no_trial(assessor: StageMedianStop, record: Record) -> None:
    record.silent = True
    assert live(assessor, "tune-d", LOW) is None


def test_reports_without_an_epoch_or_a_score() -> None:
    assert learning_curve([{"default": 0.1}, {"default": float("nan")}, {"default": 0.3}]) == {1: 0.1, 3: 0.3}


@pytest.mark.parametrize("arguments", [{"start_epoch": 0}, {"trials": 1.5}, {"trials": "3"}])
def test_wrong_arguments_are_refused(record: Record, arguments: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"assessor\.classArgs\."):
        StageMedianStop(**arguments, manager=record)
