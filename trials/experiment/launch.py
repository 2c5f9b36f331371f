"""One NNI experiment from start to end: started or resumed, watched, stopped with all its processes.

    nnictl create | resume ──► manager ──► tuner, trials
                                  ▲
                            watch ┴─► Snapshot, Snapshot, … ──► Outcome

Interrupted and started again, it continues where it stopped.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
import requests
from filelock import FileLock, Timeout

from datagen.errors import InputError
from trials.experiment.machines import doctor, gpus
from trials.experiment.machines.gpu_keys import gpu_keys, gpus_here
from trials.experiment.nni import nnictl, processes, registry
from trials.experiment.nni.manager import Manager
from trials.experiment.plan import (
    FinishedTrial,
    Plan,
    PlanState,
    finished_trials,
    load_plan,
    read_state,
    restore_plan,
    write_state,
)
from trials.experiment.record import ExperimentRecord, read_record
from trials.experiment.watch import ExperimentError, Snapshot, watch
from trials.running.ending import cleaned_up

STOP = 30.0  # [s] for the manager to end its trials and itself


@dataclass(frozen=True)
class Outcome:
    """How an experiment ended."""

    experiment: str  # NNI's id
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
    """Runs the experiment of `nni_config` to its end; continues an interrupted one.

    A finished experiment with the same settings is not run again unless `new`.  `on_update` is called about once a
    second.  When this returns or raises, even after Ctrl-C or another signal, no process of the experiment is left.

    Raises
    ------
    InputError
        The configuration, port, compiler or folder cannot be used, the experiment is already running, or the settings
        of an interrupted one have changed.
    """
    plan = load_plan(nni_config)
    doctor.require(doctor.writable(plan.folder))
    with _alone(plan):
        _end_unnoted(plan)
        earlier = _earlier(plan, new=new)
        if earlier is not None and earlier.finished:
            folder = plan.folder / earlier.experiment
            return Outcome(earlier.experiment, folder, True, "", finished_trials(folder))
        return _run(plan, port, on_update, earlier.experiment if earlier else None)


def check(plan: Plan, port: int, *, new: bool = False) -> None:
    """Raises InputError as `run_experiment` would, before anything is created."""
    doctor.require(doctor.writable(plan.folder))
    with _alone(plan):
        _end_unnoted(plan)
    earlier = _earlier(plan, new=new)
    if earlier is None or not (earlier.finished or processes.find_manager(earlier.experiment)):
        _require_ready(plan, port)


def resume(record: ExperimentRecord, port: int, on_update: Callable[[Snapshot], None]) -> Outcome:
    """Continues an experiment, whatever the current configuration, and watches it to its end.

    Raises InputError as `run_experiment`.
    """
    plan = restore_plan(record)
    with _alone(plan):
        return _run(plan, port, on_update, record.id)


@contextlib.contextmanager
def view(record: ExperimentRecord, port: int) -> Iterator[str]:
    """The address of the web page of a stopped experiment, served until the context ends.

    Raises InputError when the experiment is running or the port is taken, ExperimentError when NNI does not start.
    """
    running = processes.find_manager(record.id)
    if running is not None:
        raise InputError(f"experiment {record.id} runs; its page is http://127.0.0.1:{processes.portal_port(running)}")
    doctor.require(doctor.free_port(port))
    with cleaned_up(partial(stop, record.id)):
        nnictl.view(record.id, record.folder.parent, port)
        yield f"http://127.0.0.1:{port}"


def stop(experiment: str) -> None:
    """Ends the experiment with all its processes; `nnictl resume` or `run_experiment` can continue it."""
    manager = processes.find_manager(experiment)
    if manager is not None:
        with contextlib.suppress(requests.RequestException, psutil.Error):
            Manager.on_port(processes.portal_port(manager)).stop()
            processes.wait(processes.of_experiment(experiment), STOP)
    processes.end(experiment)
    registry.forget_process(experiment)


def _require_ready(plan: Plan, port: int) -> None:
    """Raises InputError with everything this machine lacks."""
    doctor.require(
        doctor.compiler(),
        doctor.free_port(port),
        doctor.writable(plan.folder),
        doctor.disk(plan.folder),
        *([gpu_keys(plan.gpus, gpus_here())] if plan.gpus else []),
    )


def _run(plan: Plan, port: int, on_update: Callable[[Snapshot], None], earlier: str | None) -> Outcome:
    """Starts the experiment, or finds the one that an earlier, killed launcher left running."""
    manager = processes.find_manager(earlier) if earlier else None
    if manager is None:
        _require_ready(plan, port)
    elif processes.only_shows(manager):
        raise InputError(f"experiment {earlier} is shown by seisnas view; end that first: seisnas stop {earlier}")
    experiment, reason = earlier or nnictl.new_id(), ""
    with cleaned_up(partial(stop, experiment)):
        try:
            if manager is None and earlier:
                manager = nnictl.resume(earlier, plan.folder, port)
            elif manager is None:
                nni_config = gpus.fitted(plan.path, plan.folder)
                manager = nnictl.create(experiment, nni_config, plan.state_file, port)
            write_state(plan, experiment, finished=False)
            watch(plan, manager, on_update)
            write_state(plan, experiment, finished=True)
        except ExperimentError as error:
            reason = str(error)
    folder = plan.folder / experiment
    return Outcome(experiment, folder, not reason, reason, finished_trials(folder))


def _end_unnoted(plan: Plan) -> None:
    """Ends an experiment whose launcher was killed before noting it; nothing could continue it."""
    state = read_state(plan)
    for experiment in processes.started_for(plan.state_file) - {state.experiment if state else ""}:
        stop(experiment)


def _earlier(plan: Plan, *, new: bool) -> PlanState | None:
    """The experiment to report (finished) or to continue (not finished); None to start a new one."""
    state = read_state(plan)
    if state is None:
        return None
    changed = state.digest != plan.digest
    if new or (state.finished and changed):
        if processes.find_manager(state.experiment) is not None:
            raise InputError(f"experiment {state.experiment} still runs; end it: seisnas stop {state.experiment}")
        return None
    if changed:
        raise InputError(
            f"{plan.path}: experiment {state.experiment} is not finished and the settings have changed since "
            "it was started; restore them to continue it, or start afresh with --new"
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
