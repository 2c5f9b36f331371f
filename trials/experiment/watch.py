"""Follows a running experiment until every trial of its budget has succeeded, or reports why that cannot happen.

NNI's own status is not enough: it stays RUNNING for ever when the tuner has failed, so the tuner's process and the
flow of trials are watched as well.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import requests

from trials.experiment.nni import processes
from trials.experiment.nni.logs import error_in, last_line, traceback_in
from trials.experiment.nni.manager import Job, Manager
from trials.experiment.plan import Plan
from trials.experiment.tuner.schedule import final_score

POLL = 1.0  # [s]
SETTLED = 3.0  # [s] that DONE must last: a resumed experiment passes through it
MUTE = 120.0  # [s] for which the manager may be silent on a busy machine
NO_TUNER = 10.0  # [s] for which the tuner's process may be missing, at the start
FIRST = 900.0  # [s] until the first trial: hosts get the code and start before it
IDLE = 120.0  # [s] for which no trial may be running or waiting while the experiment is not done,
FAILED = 5.0  # [s] and this long when the tuner has logged an error


class ExperimentError(RuntimeError):
    """The experiment cannot finish; the message explains why."""


@dataclass(frozen=True)
class StageProgress:
    """Trials of one stage, including those before a resume."""

    name: str
    budget: int
    succeeded: int
    running: int
    failed: int
    stopped: int = 0  # early, by an assessor, which is not a failure

    @property
    def done(self) -> int:
        """Trials of the budget that have ended."""
        return self.succeeded + self.stopped


@dataclass(frozen=True)
class Snapshot:
    """The experiment at one moment."""

    experiment: str  # NNI's id
    url: str  # of the web page
    stages: tuple[StageProgress, ...]
    latest: Any  # the latest metric; None before the first

    @property
    def stage(self) -> str:
        """The current stage; the last one at the end."""
        unfinished = [stage.name for stage in self.stages if stage.done < stage.budget]
        return unfinished[0] if unfinished else self.stages[-1].name


class Stopwatch:
    """How long a condition has held without a break."""

    def __init__(self) -> None:
        self._since: float | None = None

    def held(self, condition: bool) -> float:
        now = time.monotonic()
        self._since = (self._since if self._since is not None else now) if condition else None
        return now - self._since if self._since is not None else -1.0


def watch(plan: Plan, process: psutil.Process, on_update: Callable[[Snapshot], None]) -> None:
    """Returns when the experiment of the manager `process` is done.

    Raises ExperimentError when the manager or the tuner has failed, nothing moves any more, or trials of the budget
    have failed.
    """
    experiment, port = processes.experiment_id(process), processes.portal_port(process)
    manager, health = Manager.on_port(port), Health(process, plan.folder / experiment / "log")
    done, mute = Stopwatch(), Stopwatch()
    while True:
        time.sleep(POLL)
        if not processes.alive(process):
            raise ExperimentError(f"NNI's manager has ended{health.manager_said()}; its logs are in {health.log}")
        try:
            status, errors = manager.status()
            jobs, latest, limit = manager.jobs(), manager.latest_metric(), manager.max_trials()
        except requests.RequestException as error:
            if mute.held(True) > MUTE:
                raise ExperimentError(f"NNI's manager does not answer: {error}") from None
            continue
        mute.held(False)
        stages = progress(plan.budgets, jobs)
        on_update(Snapshot(experiment, f"http://127.0.0.1:{port}", stages, latest))
        if done.held(status == "DONE") > SETTLED:
            return _require_success(stages, jobs, limit, health)
        problem = health.problem(status, errors, jobs)
        if problem is not None:
            raise ExperimentError(problem)


class Health:
    """Whether the experiment of a manager can still finish; checked repeatedly."""

    def __init__(self, manager: psutil.Process, log: Path) -> None:
        self._manager = manager
        self.log = log  # the folder
        self._no_tuner, self._idle = Stopwatch(), Stopwatch()

    def problem(self, status: str, errors: list[str], jobs: list[Job]) -> str | None:
        """What is wrong, or None."""
        without_tuner = self._no_tuner.held(not processes.tuner_alive(self._manager))
        idle = self._idle.held(status != "DONE" and all(job.ended for job in jobs))
        if status in ("STOPPING", "STOPPED"):
            return "it was stopped from outside; the same command continues it"
        if status == "ERROR":
            return f"NNI reports {'; '.join(errors)}\n{self._traceback() or self.log}"
        if without_tuner > NO_TUNER:
            return f"the tuner has ended\n{self._traceback() or self.log}"
        if idle > FAILED and (traceback := self._traceback()) is not None:
            return f"the tuner has failed\n{traceback}"
        patience = IDLE if jobs else FIRST
        if idle > patience:
            return f"no trial was started for {patience:.0f} s\n{self.log}"
        return None

    def at_a_glance(self, status: str, errors: list[str], jobs: list[Job]) -> str | None:
        """What is wrong beyond doubt, seen once."""
        if status == "ERROR" or (status != "DONE" and all(job.ended for job in jobs) and self._traceback()):
            return f"NNI reports {status} {'; '.join(errors)}\n{self._traceback() or self.log}"
        if processes.age(self._manager) > NO_TUNER and not processes.tuner_alive(self._manager):
            return f"the tuner has ended\n{self._traceback() or self.log}"
        return None

    def tuner_said(self) -> str | None:
        """The tuner's last error since its manager was started."""
        return error_in(self.log / "dispatcher.log", self._manager.create_time())

    def manager_said(self) -> str:
        """The manager's last error, to append to a sentence."""
        said = error_in(self.log / "nnimanager.log", self._manager.create_time())
        return f": {said}" if said else ""

    def _traceback(self) -> str | None:
        """The last traceback that the tuner has logged since its manager was started."""
        log = self.log / "dispatcher.log"
        traceback = traceback_in(log, self._manager.create_time())
        return f"{log}:\n{traceback}" if traceback else None


def progress(budgets: Mapping[str, int], jobs: Sequence[Job]) -> tuple[StageProgress, ...]:
    """Counts the trials of each stage."""

    def count(stage: str, budget: int) -> StageProgress:
        mine = [job for job in jobs if job.stage == stage]
        succeeded = sum(succeeded_with_score(job) for job in mine)
        running = sum(not job.ended for job in mine)
        stopped = sum(job.status == "EARLY_STOPPED" for job in mine)
        return StageProgress(stage, budget, succeeded, running, len(mine) - succeeded - running - stopped, stopped)

    return tuple(count(stage, budget) for stage, budget in budgets.items())


def succeeded_with_score(job: Job) -> bool:
    return job.status == "SUCCEEDED" and final_score(job.metric) is not None


def _require_success(stages: tuple[StageProgress, ...], jobs: Sequence[Job], limit: float, health: Health) -> None:
    """Raises ExperimentError when NNI is done and the budget is not."""
    short = [stage for stage in stages if stage.done < stage.budget]
    if not short:
        return
    counts = ", ".join(f"{stage.name} {stage.done} of {stage.budget}" for stage in short)
    said = [health.tuner_said()]
    if len(jobs) < limit:  # SuiteTuner lowers the limit to the number of trials when it has no more
        said.append("NNI ended it because maxExperimentDuration was reached")
    failed = [job for job in jobs if job.stage and job.ended and not succeeded_with_score(job)]
    words = [_last_words(job) for job in failed if job.status != "EARLY_STOPPED"]
    raise ExperimentError("\n".join([f"trials that succeeded: {counts}", *filter(None, said), *words]))


def _last_words(job: Job) -> str:
    log = job.folder / "trial.stderr" if job.folder else None
    said = last_line(log) if log else ""
    return f"  {job.stage} trial {job.id} {job.status}: {said or 'no output'} ({log})"
