"""Where a trial on another machine finds files outside its own folder.

    ~/nni-experiments/ID/environments/ENV/trials/TRIAL   its run folder; the winner's is beside it
    ~/nni-experiments/ID/environments/ENV/upload/…       the code, its working directory, new for each experiment
    ~/seisnas/data/quickstart                            data set: outlives experiments, made once per machine

Configurations are the same on every machine: `data/quickstart` in the code is a link to the permanent folder.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from datagen.errors import InputError

KEPT = "seisnas"  # below the home of the user that NNI logs in as


def on_host() -> bool:
    """Whether this trial was started over SSH."""
    return os.environ.get("NNI_PLATFORM") == "remote"


def winner_run(winner: dict[str, Any]) -> Path:
    """The run folder of a stage's winner.  guard/hosts/run_folders.js has put it beside the trial's own."""
    run = Path(winner["run"])
    return Path(os.environ["NNI_OUTPUT_DIR"]).parent / run.name if on_host() else run


def keep_data(folder: str) -> None:
    """Makes `folder` in the code a link to the permanent one.  Does nothing at home, or if it is absolute.

    Raises InputError if something else is in its place.
    """
    if not on_host() or Path(folder).is_absolute():
        return
    kept, link = Path.home() / KEPT / folder, Path(folder)
    kept.mkdir(parents=True, exist_ok=True)
    link.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):  # another trial was first
        link.symlink_to(kept)
    if link.resolve() != kept.resolve():
        raise InputError(f"data.folder: {link.absolute()} came with the code; name data.folder in .nniignore")
