"""NNI's list of experiments, ~/nni-experiments/.experiment: which there are, where, and as which process.

`nnictl stop` ends the process that the list names, which after a reboot can be anybody's: so an experiment that
does not run must not name one.
"""

from pathlib import Path
from typing import Any

from nni.tools.nnictl.config_utils import Experiments


def folders() -> dict[str, Path]:
    """Experiment id → its folder, of those whose folder is still there."""
    entries: dict[str, Any] = _list().get_all_experiments()
    places = {name: Path(entry["logDir"], name) for name, entry in entries.items() if entry.get("logDir")}
    return {name: folder for name, folder in places.items() if (folder / "db").is_dir()}


def forget_process(experiment: str) -> None:
    """Notes that the experiment does not run."""
    listed = _list()
    if experiment in listed.get_all_experiments():
        listed.update_experiment(experiment, "status", "STOPPED")
        listed.update_experiment(experiment, "pid", 0)  # none: NNI would take it for its own process


def _list() -> Experiments:
    return Experiments(str(Path.home() / "nni-experiments"))
