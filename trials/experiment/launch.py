"""One NNI experiment from start to end: started or resumed, watched, stopped with all its processes.

    nnictl create | resume ──► manager ──► tuner, trials
                                  ▲
                            watch ┴─► Snapshot, Snapshot, … ──► Outcome

Interrupted and started again, it goes on where it stopped.
"""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import requests
from filelock import FileLock, Timeout

from datagen.errors import InputError
from trials.experiment import doctor, gpus, nnictl, processes, registry
from trials.experiment.experiment import (
    FinishedTrial,
    Plan,
    PlanState,
    load_plan,
    plan_of,
    read_state,
    trials_of,
    write_state,
)
from trials.experiment.gpu_keys import gpu_keys, gpus_here
from trials.experiment.manager import Manager
from trials.experiment.record import ExperimentRecord, read_record
from trials.experiment.watch import ExperimentError, Snapshot, watch

STOP = 30.0  # [s] the manager may take to end its trials and itself


@dataclass(frozen=True)
class Outcome:
    """How an experiment ended."""

    experiment: str  # NNI's id; empty when it did not start
    folder: Path  # of the experiment
    success: bool  # every trial of the budget has succeeded
    reason: str  # why not
    trials: list[FinishedTrial]


def run_experiment(
    nni_config: Path,
    port: int = 8080,
    on_update: Callable[[Snapshot], None] = lambda _: None,
    *,
    new: bool = False,
) -> Outcome:
    """Runs the experiment of `nni_config` to its end; goes on with one that was interrupted.

    A finished experiment with the same settings is not run again unless `new`.  `on_update` is called about
    once a second.  When this returns or raises, on Ctrl-C too, no process of the experiment is left.

    Raises
    ------
    InputError
        The configuration, port, compiler or folder cannot be used, the experiment runs already, or the settings
        of an interrupted one have changed.
    """
    plan = load_plan(nni_config)
    doctor.require(doctor.writable(plan.folder))
    with _alone(plan):
        earlier = _earlier(plan, new=new)
        if earlier is not None and earlier.finished:
            folder = plan.folder / earlier.experiment
            return Outcome(earlier.experiment, folder, True, "", trials_of(folder))
        return _run(plan, port, on_update, earlier.experiment if earlier else None)


def check(plan: Plan, port: int, *, new: bool = False) -> None:
    """Raises InputError as `run_experiment` would, before anything is made."""
    earlier = _earlier(plan, new=new)
    if earlier is None or not (earlier.finished or processes.manager_of(earlier.experiment)):
        _require_ready(plan, port)


def resume(record: ExperimentRecord, port: int, on_update: Callable[[Snapshot], None]) -> Outcome:
    """Goes on with an experiment, whatever configuration is here now, and watches it to its end.

    Raises InputError as `run_experiment`.
    """
    plan = plan_of(record)
    with _alone(plan):
        return _run(plan, port, on_update, record.id)


@contextlib.contextmanager
def view(record: ExperimentRecord, port: int) -> Iterator[str]:
    """The address of the web page of a stopped experiment, served until the context ends.

    Raises InputError when the experiment runs or the port is taken, ExperimentError when NNI does not start.
    """
    running = processes.manager_of(record.id)
    if running is not None:
        raise InputError(f"experiment {record.id} runs; its page is http://127.0.0.1:{processes.port_of(running)}")
    doctor.require(doctor.free_port(port))
    try:
        nnictl.view(record.id, record.folder.parent, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        with _undisturbed():
            stop(record.id)


def stop(experiment: str) -> None:
    """Ends the experiment with all its processes; `nnictl resume` or `run_experiment` can go on with it."""
    manager = processes.manager_of(experiment)
    if manager is not None:
        with contextlib.suppress(requests.RequestException, psutil.Error):
            Manager.on_port(processes.port_of(manager)).stop()
            processes.wait(processes.of_experiment(experiment), STOP)
    processes.end(experiment)
    registry.forget_process(experiment)


def _require_ready(plan: Plan, port: int) -> None:
    """Raises InputError with all that this machine lacks."""
    doctor.require(
        doctor.compiler(),
        doctor.free_port(port),
        doctor.writable(plan.folder),
        doctor.disk(plan.folder),
        *([gpu_keys(plan.gpus, gpus_here())] if plan.gpus else []),
    )


def _run(plan: Plan, port: int, on_update: Callable[[Snapshot], None], earlier: str | None) -> Outcome:
    """Starts the experiment, or finds the one that an earlier, killed launcher has left running."""
    manager = processes.manager_of(earlier) if earlier else None
    if manager is None:
        _require_ready(plan, port)
    elif processes.only_shows(manager):
        raise InputError(f"experiment {earlier} is shown by seisnas view; end that first: seisnas stop {earlier}")
    experiment, reason, began = earlier or "", "", time.time()
    try:
        if manager is None:
            if earlier:
                manager = nnictl.resume(earlier, plan.folder, port)
            else:
                manager = nnictl.create(gpus.fitted(plan.path, plan.folder), port)
        experiment = processes.experiment_of(manager)
        write_state(plan, experiment, finished=False)
        watch(plan, manager, on_update)
        write_state(plan, experiment, finished=True)
    except ExperimentError as error:
        reason = str(error)
    finally:
        with _undisturbed():
            if not experiment:  # nnictl was interrupted, or refused a port that somebody else took meanwhile
                experiment = processes.started_in(plan.folder, port, began) or ""
            if experiment:
                stop(experiment)
    folder = plan.folder / experiment
    return Outcome(experiment, folder, not reason, reason, trials_of(folder) if experiment else [])


def _earlier(plan: Plan, *, new: bool) -> PlanState | None:
    """The experiment to report (finished) or to go on with (not finished); None to start a new one."""
    state = read_state(plan)
    if state is None:
        return None
    changed = state.digest != plan.digest
    if new or (state.finished and changed):
        if processes.manager_of(state.experiment) is not None:
            raise InputError(f"experiment {state.experiment} still runs; end it: seisnas stop {state.experiment}")
        return None
    if changed:
        raise InputError(
            f"{plan.path}: experiment {state.experiment} is not finished and the settings have changed since "
            "it was started; put them back to go on with it, or start afresh with --new"
        )
    try:
        read_record(plan.folder / state.experiment)
    except InputError as error:
        raise InputError(f"{error}\nstart afresh with --new") from None
    return state


@contextlib.contextmanager
def _alone(plan: Plan) -> Iterator[None]:
    lock = FileLock(plan.folder / f"{plan.name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(f"{plan.path}: its experiment is being run by another process") from None
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """A second Ctrl-C must not cut the cleaning short."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
