"""One NNI experiment from start to end: started or resumed, watched, stopped with all its processes.

    nnictl create | resume ──► manager ──► tuner, trials
                                  ▲
                            watch ┴─► Snapshot, Snapshot, … ──► Outcome

Interrupted and started again, it goes on where it stopped.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
import requests
from filelock import FileLock, Timeout

from datagen.errors import InputError
from trials import doctor, gpus, portal, processes
from trials.experiment import FinishedTrial, Plan, State, load_plan, read_state, trials_of, write_state
from trials.manager import Manager
from trials.watch import ExperimentError, Snapshot, watch

# nnictl gives the manager 3 s to answer, too little on a busy machine.
PATIENT_NNICTL = """\
import nni.experiment.launcher as launcher
launcher._check_rest_server.__defaults__ = (60, None)
from nni.tools.nnictl.nnictl import parse_args
parse_args()
"""
START = 180.0  # [s] nnictl may take
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


def stop(experiment: str) -> None:
    """Ends the experiment with all its processes; `nnictl resume` or `run_experiment` can go on with it."""
    manager = processes.manager_of(experiment)
    if manager is not None:
        with contextlib.suppress(requests.RequestException, psutil.Error):
            Manager.on_port(processes.port_of(manager)).stop()
            processes.wait(processes.of_experiment(experiment), STOP)
    processes.end(experiment)


def _run(plan: Plan, port: int, on_update: Callable[[Snapshot], None], earlier: str | None) -> Outcome:
    """Starts the experiment, or finds the one that an earlier, killed launcher has left running."""
    manager = processes.manager_of(earlier) if earlier else None
    if manager is None:
        doctor.require(doctor.compiler(), doctor.free_port(port))
    experiment, reason = earlier or "", ""
    try:
        manager = manager or _start(plan, port, earlier)
        experiment = processes.experiment_of(manager)
        write_state(plan, experiment, finished=False)
        watch(plan, manager, on_update)
        write_state(plan, experiment, finished=True)
    except ExperimentError as error:
        reason = str(error)
    finally:
        with _undisturbed():
            if not experiment and (started := processes.manager_on(port)) is not None:  # nnictl was interrupted
                experiment = processes.experiment_of(started)
            if experiment:
                stop(experiment)
    folder = plan.folder / experiment
    return Outcome(experiment, folder, not reason, reason, trials_of(folder) if experiment else [])


def _start(plan: Plan, port: int, earlier: str | None) -> psutil.Process:
    """Has nnictl start the manager."""
    if earlier is None:
        words = ["create", "--config", str(gpus.fitted(plan.path, plan.folder))]
    else:
        processes.end(earlier)  # a manager that was killed leaves its trial running
        words = ["resume", earlier, "--experiment_dir", str(plan.folder)]
    try:
        nnictl = subprocess.run(
            [sys.executable, "-c", PATIENT_NNICTL, *words, "--port", str(port)],
            env=environment(os.environ),
            umask=0o077,
            start_new_session=True,  # Ctrl-C is for this process, which then stops the experiment in order
            capture_output=True,
            text=True,
            timeout=START,
        )
    except subprocess.TimeoutExpired:
        raise ExperimentError(f"nnictl {words[0]} did not end in {START:.0f} s") from None
    manager = processes.manager_on(port)
    if manager is None or nnictl.returncode:
        raise ExperimentError(f"nnictl {words[0]} failed:\n{(nnictl.stdout + nnictl.stderr)[-3000:]}")
    return manager


def environment(outer: Mapping[str, str]) -> dict[str, str]:
    """For nnictl and all that it starts: the guard in force, our python first, no proxy for this machine."""
    local = ",".join(filter(None, [outer.get("no_proxy"), "localhost,127.0.0.1"]))
    return {
        "PYTHONWARNINGS": "ignore:pkg_resources is deprecated",  # nnictl imports it at every start
        **portal.guarded(outer),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), outer.get("PATH", os.defpath)]),
        "no_proxy": local,
        "NO_PROXY": local,
    }


def _earlier(plan: Plan, *, new: bool) -> State | None:
    """The experiment to report (finished) or to go on with (not finished); None to start a new one."""
    state = read_state(plan)
    if state is None:
        return None
    changed = state.digest != plan.digest
    if new or (state.finished and changed):
        if processes.manager_of(state.experiment) is not None:
            raise InputError(f"experiment {state.experiment} still runs; end it: nnictl stop {state.experiment}")
        return None
    if changed:
        raise InputError(
            f"{plan.path}: experiment {state.experiment} is not finished and the settings have changed since "
            "it was started; put them back to go on with it, or start afresh with --new"
        )
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
