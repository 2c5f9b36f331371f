"""Runs NNI's own launcher, which starts an experiment's manager and waits until it answers."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import psutil
from nni.experiment.management import generate_experiment_id

from trials.experiment.machines import doctor
from trials.experiment.nni import portal, processes
from trials.experiment.watch import ExperimentError

INSIST = """\
from trials.experiment.nni import own_manager
own_manager.insist()
"""
NNICTL = f"""\
{INSIST}
from nni.tools.nnictl.nnictl import parse_args
parse_args()
"""
CREATE = f"""\
import sys
import nni.experiment.management as management
experiment = sys.argv.pop(1)
management.generate_experiment_id = lambda: experiment
{NNICTL}"""
# nnictl's own `view` needs the experiment in its list, and identifies processes by id.
VIEW = f"""\
{INSIST}
import sys
from nni.experiment import Experiment, RunMode, launcher
experiment = Experiment(launcher.get_stopped_experiment_config(sys.argv[1], sys.argv[2]), id=sys.argv[1])
experiment._action = "view"
experiment.start(int(sys.argv[4]), run_mode=RunMode.Detach)
"""
PACKAGES = Path(__file__).resolve().parents[3]  # the folder of `trials`
INSTALLED = ("site-packages", "dist-packages")  # before Python's own library they could stand in its way
START = 180.0  # [s] at most


def create(experiment: str, nni_config: Path, state_file: Path, port: int) -> psutil.Process:
    """The manager of a new experiment.

    The caller chooses the id (`new_id`), so that its processes can be found from the first one on; `state_file` is
    where the caller will note it.  Raises, as all here, ExperimentError with NNI's output when it does not start,
    InputError when the port has been taken meanwhile.
    """
    words = [experiment, "create", "--config", str(nni_config)]
    return _start(CREATE, words, port, experiment, {processes.NOTED_IN: str(state_file)})


def new_id() -> str:
    """An id for an experiment, as NNI makes them."""
    return str(generate_experiment_id())


def resume(experiment: str, folder: Path, port: int) -> psutil.Process:
    """The manager of a resumed experiment of `folder`."""
    processes.end(experiment)  # a killed manager leaves its trial running
    return _start(NNICTL, ["resume", experiment, "--experiment_dir", str(folder)], port, experiment)


def view(experiment: str, folder: Path, port: int) -> psutil.Process:
    """A manager that only shows an experiment of `folder`."""
    return _start(VIEW, [experiment, str(folder)], port, experiment)


def environment(outer: Mapping[str, str]) -> dict[str, str]:
    """For NNI and all that it starts: the guard active, our python and our packages first, whatever lies in the folder
    where they start, no proxy for this machine."""
    paths = outer.get("PYTHONPATH")
    local = ",".join(filter(None, [outer.get("no_proxy"), "localhost,127.0.0.1"]))
    return {
        "PYTHONWARNINGS": "ignore:pkg_resources is deprecated",  # nnictl imports it at every start
        **portal.guarded(outer),
        "PYTHONSAFEPATH": "1",
        **({} if PACKAGES.name in INSTALLED else {"PYTHONPATH": os.pathsep.join(filter(None, [str(PACKAGES), paths]))}),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), outer.get("PATH", os.defpath)]),
        "no_proxy": local,
        "NO_PROXY": local,
    }


def _start(
    program: str, words: list[str], port: int, experiment: str, marks: Mapping[str, str] = MappingProxyType({})
) -> psutil.Process:
    """Runs a Python program that starts the manager of `experiment` on `port`, and finds the manager."""
    try:
        started = subprocess.run(
            [sys.executable, "-c", program, *words, "--port", str(port)],
            env={**environment(os.environ), processes.LAUNCHED: experiment, **marks},
            umask=0o077,
            start_new_session=True,  # Ctrl-C reaches only this process, which then stops the experiment cleanly
            capture_output=True,
            text=True,
            timeout=START,
        )
    except subprocess.TimeoutExpired:
        raise ExperimentError(f"NNI did not start in {START:.0f} s: {' '.join(words)}") from None
    manager = processes.find_manager(experiment)
    if manager is None or started.returncode:
        doctor.require(doctor.free_port(port))  # it was free when checked
        raise ExperimentError(f"NNI did not start: {' '.join(words)}\n{(started.stdout + started.stderr)[-3000:]}")
    return manager
