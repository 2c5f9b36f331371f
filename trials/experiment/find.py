"""Finds the experiment a command means: the given one, or the latest, from any working directory.

nni_config.yml here? ─► its experimentWorkingDirectory ─┐
~/nni-experiments/.experiment (NNI's own list) ─────────┴─► all experiments ─► the one meant
"""

from pathlib import Path

from datagen.errors import InputError
from trials.experiment.nni import registry
from trials.experiment.nni.nni_config import read_nni_config


def find_experiment(experiment: str | None, nni_config: Path) -> Path:
    """The folder of the experiment whose id is, or begins with, `experiment`; without one, of the latest.

    Raises InputError when there is none, or several match.
    """
    here = experiment_folders(nni_config)
    if experiment is None:
        known = here or sorted(registry.folders().values(), key=_last_at_work)
        if not known:
            raise InputError(f"no experiment is known, neither of {nni_config} nor to NNI; seisnas run starts one")
        return known[-1]
    found = {folder.name: folder for folder in here} | registry.folders()
    fitting = [name for name in found if name == experiment] or [name for name in found if name.startswith(experiment)]
    if len(fitting) != 1:
        which = f"several match: {', '.join(fitting)}" if fitting else "no such experiment"
        raise InputError(f"experiment {experiment}: {which}; known are {', '.join(sorted(found)) or 'none'}")
    return found[fitting[0]]


def experiment_folders(nni_config: Path) -> list[Path]:
    """The folders of the experiments in this configuration's working directory, the last active one at the end."""
    if not nni_config.exists():
        return []
    try:
        config = read_nni_config(nni_config)
        below = Path(config.get("experimentWorkingDirectory") or "~/nni-experiments").expanduser()
    except (TypeError, ValueError, RuntimeError) as error:  # RuntimeError: the home of an unknown user
        raise InputError(f"--config {nni_config}: not an NNI configuration in YAML: {error}") from None
    folder = nni_config.resolve().parent / below
    experiments = [file.parent.parent for file in folder.glob("*/db/nni.sqlite")]
    return sorted((one for one in experiments if not one.is_symlink()), key=_last_at_work)


def _last_at_work(experiment: Path) -> float:
    file = experiment / "db" / "nni.sqlite"
    return file.stat().st_mtime if file.is_file() else 0.0
