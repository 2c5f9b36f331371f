"""Bundles that come with the program, so that shots can be imaged before anything is trained.

    seisnas predict openfwi shots.npy        the folder openfwi if there is one here, else the ready-made bundle

`python benchmarks/make_ready.py` makes them again.
"""

from pathlib import Path

from datagen.errors import InputError

FOLDER = Path(__file__).with_name("ready")


def ready_made() -> list[str]:
    """Their names."""
    return sorted(each.name for each in FOLDER.iterdir())


def find_bundle(bundle: str | Path) -> Path:
    """The folder of a bundle: a path, or the name of a ready-made one; a path that exists wins.

    Raises InputError, which lists the names: there is neither.
    """
    folder, name = Path(bundle), str(bundle)
    if folder.exists() or folder.is_symlink():
        return folder
    if name in ready_made():
        return FOLDER / name
    raise InputError(
        f"{folder}: no such folder; give the folder of a bundle, for example exports/quickstart, "
        f"or the name of a ready-made one: {', '.join(ready_made())}"
    )
