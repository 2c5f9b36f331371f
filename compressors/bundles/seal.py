"""A folder's checksums, and the reading of a folder that somebody else may have written.

    checksums.json   {"config.yml": "9f86d0…", "model.onnx": "2c26b4…", …}      SHA-256 of every other file

A seal finds damage and mix-ups.  It is no signature: whoever can write the folder can seal it again.  What
keeps a stranger's folder harmless is that only known names are opened, that none may lead out of the folder,
that none of them is a pickle, and that the graph and the weights are checked (graphs/check.py, weights_file.py).
"""

import json
from collections.abc import Collection
from pathlib import Path

from datagen.errors import InputError
from datagen.files.reading import read_json
from datagen.files.regular_files import regular_file
from datagen.files.whole_files import file_sha256

SEAL = "checksums.json"
MOST_FILE = 768 << 20  # bytes; ResUNet34 has 134 MB


def seal(folder: Path) -> None:
    """Writes the checksums of all files that lie in `folder`."""
    sums = {file.name: file_sha256(file) for file in sorted(folder.iterdir()) if file.name != SEAL}
    (folder / SEAL).write_text(json.dumps(sums, indent=2) + "\n")


def check_seal(folder: Path, *, required: Collection[str], optional: Collection[str] = ()) -> list[str]:
    """The sealed names, after all files were found and found unchanged.

    Raises
    ------
    InputError
        No such folder, no seal, a file missing, changed, of an unknown name, or leading out of the folder.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give the folder of a bundle, for example exports/quickstart")
    sums = _read_sums(folder)
    known = {*required, *optional}
    for name in sums:
        if name not in known:
            raise InputError(
                f"{folder / SEAL}: names {name!r}, which no bundle holds; known: {', '.join(sorted(known))}"
            )
    missing = [name for name in required if name not in sums]
    if missing:
        raise InputError(f"{folder}: no whole bundle, {SEAL} lacks {', '.join(missing)}; export it again")
    for name, expected in sums.items():
        file = inside(folder, name)
        if file.stat().st_size > MOST_FILE:
            raise InputError(f"{folder / name}: {file.stat().st_size} bytes; a file of a bundle may have {MOST_FILE}")
        found = file_sha256(file)
        if found != expected:
            raise InputError(
                f"{folder / name}: changed or damaged: its SHA-256 is {found[:12]}…, {SEAL} says "
                f"{str(expected)[:12]}…; copy the bundle again, or export it again"
            )
    return list(sums)


def inside(folder: Path, name: str) -> Path:
    """The regular file `name` of `folder`.  Raises InputError when it is missing, another thing, or leads out."""
    try:
        file = (folder / name).resolve()
    except (OSError, RuntimeError) as error:  # links that lead in a circle
        raise InputError(f"{folder / name}: cannot be followed: {error}") from None
    if not file.is_relative_to(folder.resolve()):
        raise InputError(f"{folder / name}: leads out of the bundle to {file}; a bundle holds its files itself")
    if not file.exists():
        raise InputError(f"{folder / name}: missing; copy the bundle again, or export it again")
    regular_file(file)
    return file


def _read_sums(folder: Path) -> dict[str, str]:
    sums = read_json(inside(folder, SEAL))
    if not isinstance(sums, dict):
        raise InputError(f"{folder / SEAL}: expected file names and checksums, got {type(sums).__name__}")
    return sums
