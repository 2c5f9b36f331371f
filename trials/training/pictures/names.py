"""The pictures of a run by their names, in the order in which they were drawn.

    predictions/tune-003.png           phase and epoch
    predictions/compress-2-001.png     the steps of a compression follow one another
    predictions/candidate-5-001.png    the cells of a search take turns: each at epoch 1, then those that go on

The name alone decides: in a copy of a run all files may have one time.
"""

import re
from pathlib import Path

from trials.running.run_folder import PREDICTIONS

NAME = re.compile(r"(?P<phase>[a-z]+)(-(?P<part>[0-9a-z]+))?-(?P<epoch>[0-9]{3,})\.png")


def picture_name(phase: str, epoch: int) -> str:
    return f"{phase}-{epoch:03}.png"


def pictures(run: Path) -> list[str]:
    """Names of the pictures in a run folder, the latest last."""
    files = [file for file in (run / PREDICTIONS).glob("*.png") if file.is_file() and not file.is_symlink()]
    places = {file.name: place for file in files if (place := _place(file.name)) is not None}
    return sorted(places, key=lambda name: places[name])


def last_picture(run: Path) -> Path | None:
    """What the run's network predicts at its end, or by now; None if nothing was drawn."""
    drawn = pictures(run)
    return run / PREDICTIONS / drawn[-1] if drawn else None


def forget_pictures(run: Path, phase: str) -> None:
    """Of cells that go no further, so that the run's pictures are those of its network."""
    for name in pictures(run):
        if name.startswith(f"{phase}-"):
            (run / PREDICTIONS / name).unlink()


def _place(name: str) -> tuple[str, int, int, str] | None:
    """What orders it; None for a file that is none of ours."""
    found = NAME.fullmatch(name)
    if found is None:
        return None
    phase, part = found["phase"], found["part"] or ""
    step = int(part) if phase == "compress" and part.isdecimal() else 0
    return phase, step, int(found["epoch"]), part.zfill(3)
