"""NNI's list of experiments with their folders and processes, ~/nni-experiments/.experiment.

`nnictl stop` ends the process in the list, which after a reboot can be anybody's: so an experiment that is not running
must not list one.
"""

from pathlib import Path
from typing import Any

from nni.tools.nnictl.config_utils import Experiments


def folders() -> dict[str, Path]:
    """Experiment id → its folder, if that still exists."""
    entries: dict[str, Any] = _list().get_all_experiments()
    places = {name: Path(entry["logDir"], name) for name, entry in entries.items() if entry.get("logDir")}
    return {name: folder for name, folder in places.items() if (folder / "db").is_dir()}


def forget_process(experiment: str) -> None:
    """Notes that the experiment is not running."""
    listed = _list()
    if experiment in listed.get_all_experiments():
        listed.update_experiment(experiment, "status", "STOPPED")
        listed.update_experiment(experiment, "pid", 0)  # none: NNI would take it for its own process


def _list() -> Experiments:
    return Experiments(str(Path.home() / "nni-experiments"))
