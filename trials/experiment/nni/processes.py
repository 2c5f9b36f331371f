"""Finds and ends the processes of one experiment, and no others.

    nnictl (by the mark from nnictl.py) ──► manager ──► tuner, trials, TensorBoard (by that mark, or the one from
                                                        guard/running/processes.js)

Process ids alone are not trusted: they are reused after a reboot.
"""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

TICKS = os.sysconf("SC_CLK_TCK")  # [1/s]
MARK = "SEISNAS_EXPERIMENT"  # set to the experiment's id by guard/running/processes.js, inherited by all children
LAUNCHED = "SEISNAS_LAUNCHED"  # the same, set by nnictl.py, so that nnictl has it too
NOTED_IN = "SEISNAS_NOTED_IN"  # the state file (plan.py) of a new experiment


def find_manager(experiment: str) -> psutil.Process | None:
    """NNI's manager of the experiment, if it runs."""
    return next((process for process in _managers() if experiment_id(process) == experiment), None)


def manager_on(port: int) -> psutil.Process | None:
    """NNI's manager with the web page on `port`, if it runs."""
    for process in _managers():
        with contextlib.suppress(psutil.Error):
            if portal_port(process) == port:
                return process
    return None


def age(process: psutil.Process) -> float:
    """How long it has run [s], even if the clock was set.  Raises psutil.Error when it has ended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) - _started(process)


def experiment_id(manager: psutil.Process) -> str:
    """The experiment's id."""
    return _argument(manager, "experiment-id")


def portal_port(manager: psutil.Process) -> int:
    return int(_argument(manager, "port"))


def only_shows(manager: psutil.Process) -> bool:
    """Whether it serves the web page of a stopped experiment and runs no trials."""
    return _argument(manager, "action") == "view"


def alive(process: psutil.Process) -> bool:
    """Whether it runs; a zombie does not."""
    with contextlib.suppress(psutil.Error):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


def tuner_alive(manager: psutil.Process) -> bool:
    """Whether NNI's dispatcher, in which the tuner lives, runs under this manager."""
    with contextlib.suppress(psutil.Error):
        return any(alive(child) and "--exp_params" in _words(child) for child in manager.children(recursive=True))
    return False


def of_experiment(experiment: str) -> list[psutil.Process]:
    """Every process of the experiment, even while it is being started."""
    manager = find_manager(experiment)
    marked = (one for one in psutil.process_iter() if experiment in (_mark(one, MARK), _mark(one, LAUNCHED)))
    return list(dict.fromkeys([*([manager] if manager else []), *marked]))


def started_for(state_file: Path) -> set[str]:
    """Running experiments that were started for `state_file`, noted there or not."""
    marked = [one for one in psutil.process_iter() if _mark(one, NOTED_IN) == str(state_file)]
    return {name for one in marked if (name := _mark(one, LAUNCHED)) is not None}


def end(experiment: str, patience: float = 5.0) -> None:
    """Ends the remaining processes of the experiment: terminates, then kills after `patience` seconds."""
    for signal in ("terminate", "kill", "kill"):  # again: one may have started another meanwhile
        processes = of_experiment(experiment)
        for process in processes:
            with contextlib.suppress(psutil.Error):
                getattr(process, signal)()
        wait(processes, patience)


def wait(processes: list[psutil.Process], timeout: float) -> None:
    """Returns when they have ended, or after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while any(alive(process) for process in processes) and time.monotonic() < deadline:
        time.sleep(0.1)


def _managers() -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        if any(word.endswith("nni_node/main.js") for word in _words(process)):
            yield process


def _words(process: psutil.Process) -> list[str]:
    """The command line; empty for a process that has ended or is not ours to read."""
    with contextlib.suppress(psutil.Error):
        return list(process.cmdline())
    return []


def _started(process: psutil.Process) -> float:
    """Its start [s since boot]; psutil's create_time moves when the clock is set."""
    try:
        stat = Path(f"/proc/{process.pid}/stat").read_text()
    except OSError:
        raise psutil.NoSuchProcess(process.pid) from None
    return int(stat.rpartition(")")[2].split()[19]) / TICKS  # after its name, which may hold anything


def _mark(process: psutil.Process, name: str) -> str | None:
    with contextlib.suppress(psutil.Error):
        mark: str | None = process.environ().get(name)
        return mark
    return None


def _argument(manager: psutil.Process, name: str) -> str:
    words = manager.cmdline()
    option = f"--{name}"
    return str(words[words.index(option) + 1]) if option in words else ""
