"""Retries trials that were killed or whose host was lost: each gets one more chance, on the next host.

    host gone ─► guard/hosts/run_folders.js: FAILED, host-lost.txt in the trial's folder ─┐
    killed (out of memory, by hand): nothing in the folder explains its end ──────────────┴► RetryQueue
                                                                                               └► the same parameters

A trial that failed on its own (failure.txt) would fail again and is not repeated.
"""

import logging
from dataclasses import dataclass, field

from trials.experiment.nni.manager import Job, Manager
from trials.experiment.tuner.schedule import Trial
from trials.running.ending import FAILURE

log = logging.getLogger(__name__)

MARK = "host-lost.txt"  # guard/hosts/run_folders.js writes it


@dataclass
class RetryQueue:
    """Such trials, as SuiteTuner remembers them; NNI gives a repeated trial a new parameter id."""

    _waiting: list[tuple[int, Trial]] = field(default_factory=list)
    _drawn: dict[int, int] = field(default_factory=dict)  # parameter id of the repetition → of the first try

    def drawn(self, parameter_id: int) -> int:
        """The id under which the parameters were drawn."""
        return self._drawn.get(parameter_id, parameter_id)

    def wanted(self, parameter_id: int, trial: Trial, manager: Manager) -> bool:
        """Whether to retry the failed trial; if so it waits for `hand`."""
        if parameter_id in self._drawn or not _lost(trial, manager):
            return False
        log.warning("%s: the trial with %s was cut off and is tried again", trial.stage, trial.settings)
        self._waiting.append((parameter_id, trial))
        return True

    def hand(self, parameter_id: int) -> Trial | None:
        """A waiting trial, from now on under this id."""
        if not self._waiting:
            return None
        first, trial = self._waiting.pop(0)
        self._drawn[parameter_id] = first
        return trial


def _lost(trial: Trial, manager: Manager) -> bool:
    """Whether a job with the trial's settings was cut off; the tuner does not know which job it was."""
    jobs = [job for job in manager.jobs() if job.stage == trial.stage and job.settings == trial.settings]
    return any(_cut_off(job) for job in jobs)


def _cut_off(job: Job) -> bool:
    if not job.ended or job.status == "EARLY_STOPPED" or job.folder is None or not job.folder.is_dir():
        return False
    if (job.folder / MARK).exists():
        return True
    return not any((job.folder / name).exists() for name in ("result.json", FAILURE))
