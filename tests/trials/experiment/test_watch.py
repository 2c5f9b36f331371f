import os
from datetime import datetime, timedelta
from pathlib import Path

import psutil
import pytest

from trials.experiment import watch
from trials.experiment.nni import processes
from trials.experiment.nni.manager import Job
from trials.experiment.watch import Health, Snapshot, StageProgress, Stopwatch

RUNNING = Job("a", "RUNNING", {}, None, None)
ENDED = Job("b", "FAILED", {}, None, None)


@pytest.fixture
def health(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Health:
    """Of a manager that has a tuner, with clocks that run out at once."""
    monkeypatch.setattr(processes, "tuner_alive", lambda _: True)
    for name in ("IDLE", "FAILED", "NO_TUNER"):
        monkeypatch.setattr(watch, name, -0.5)
    return Health(psutil.Process(os.getpid()), tmp_path)


def log(health: Health, when: datetime, text: str) -> None:
    with (health.log / "dispatcher.log").open("a") as file:
        file.write(f"{when:[%Y-%m-%d %H:%M:%S]} ERROR (nni) something\n{text}\n")


def test_a_running_trial_is_health(health: Health) -> None:
    assert health.problem("RUNNING", [], [RUNNING, ENDED]) is None


def test_an_experiment_that_is_done_may_be_idle(health: Health) -> None:
    assert health.problem("DONE", [], [ENDED]) is None


def test_a_failed_tuner_is_found_by_its_traceback(health: Health) -> None:
    log(health, datetime.now(), "Traceback (most recent call last):\n  first\nKeyError: 1")
    log(health, datetime.now(), "Traceback (most recent call last):\n  second\nValueError: 2")
    problem = health.problem("RUNNING", [], [ENDED])
    assert problem is not None
    assert problem.startswith("the tuner has failed")
    assert problem.endswith("Traceback (most recent call last):\n  second\nValueError: 2\n")
    assert health.problem("RUNNING", [], [RUNNING]) is None


def test_a_traceback_from_before_the_resume_is_not_news(health: Health, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "IDLE", 100.0)
    log(health, datetime.now() - timedelta(days=1), "Traceback (most recent call last):\nold")
    assert health.problem("RUNNING", [], [ENDED]) is None


def test_an_experiment_without_trials_and_without_a_reason_is_found(health: Health) -> None:
    assert "no trial was started" in str(health.problem("TUNER_NO_MORE_TRIAL", [], [ENDED]))


def test_a_missing_tuner_is_found(health: Health, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "tuner_alive", lambda _: False)
    assert "the tuner has ended" in str(health.problem("RUNNING", [], [RUNNING]))


def test_what_nni_reports_is_told(health: Health) -> None:
    assert "tuner did not connect" in str(health.problem("ERROR", ["tuner did not connect"], []))
    assert "stopped from outside" in str(health.problem("STOPPING", [], [RUNNING]))


def test_a_clock_counts_only_while_its_condition_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter([0.0, 10.0, 15.0, 20.0, 30.0])
    monkeypatch.setattr(watch.time, "monotonic", lambda: next(seconds))
    clock = Stopwatch()
    assert clock.held(False) < 0
    assert clock.held(True) == 0
    assert clock.held(True) == 5
    assert clock.held(False) < 0
    assert clock.held(True) == 0


def test_the_stage_at_hand_is_the_first_that_lacks_trials() -> None:
    def snapshot(*succeeded: int) -> Snapshot:
        stages = (StageProgress(str(number), 2, done, 0, 0) for number, done in enumerate(succeeded))
        return Snapshot("abc", "http://127.0.0.1:1", tuple(stages), None)

    assert snapshot(0, 0).stage == "0"
    assert snapshot(2, 1).stage == "1"
    assert snapshot(2, 2).stage == "1"
