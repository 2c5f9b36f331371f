"""The state of an experiment, running or not, and what is wrong with it.

running   the manager and the tuner are at work        finished  every budget is used up
shown     seisnas view serves its page                 stopped   interrupted; seisnas resume continues it
failed    it is running, but cannot finish
"""

from dataclasses import dataclass

import psutil
import requests

from trials.experiment.nni import processes
from trials.experiment.nni.manager import Manager
from trials.experiment.record import ExperimentRecord
from trials.experiment.watch import Health, progress


@dataclass(frozen=True)
class ExperimentState:
    """The state of an experiment at one moment."""

    status: str  # running, shown, finished, stopped or failed
    url: str = ""  # of its web page, while that is served
    reason: str = ""  # of a failure


def query_state(record: ExperimentRecord) -> ExperimentState:
    """Finds its manager, and queries it."""
    manager = processes.find_manager(record.id)
    stages = progress(record.budgets, record.jobs)
    finished = bool(stages) and all(stage.done >= stage.budget for stage in stages)
    if manager is None:
        return ExperimentState("finished" if finished else "stopped")
    try:
        url = f"http://127.0.0.1:{processes.portal_port(manager)}"
        if processes.only_shows(manager):
            return ExperimentState("shown", url)
        status, errors = Manager.on_port(processes.portal_port(manager)).status()
        reason = Health(manager, record.folder / "log").at_a_glance(status, errors, record.jobs)
    except requests.RequestException as error:
        return ExperimentState("failed", url, f"NNI's manager does not answer: {error}")
    except psutil.Error:  # it has just ended
        return ExperimentState("finished" if finished else "stopped")
    if reason is not None:
        return ExperimentState("failed", url, reason)
    if status == "DONE":
        return ExperimentState(
            "finished" if finished else "failed", url, "" if finished else "NNI is done, and trials are missing"
        )
    return ExperimentState("running", url)
