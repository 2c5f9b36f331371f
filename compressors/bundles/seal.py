"""A folder's checksums, and safe reading of an untrusted folder.

    checksums.json   {"config.yml": "9f86d0…", "model.onnx": "2c26b4…", …}      SHA-256 of every other file

A seal finds damage and mix-ups.  It is not a signature: whoever can write the folder can seal it again.  An untrusted
folder is harmless because only known names are opened, none may lead out of the folder, none is a pickle, and the
graph and the weights are checked (graphs/check.py, weights_file.py).
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
    """Writes the checksums of all files in `folder`."""
    sums = {file.name: file_sha256(file) for file in sorted(folder.iterdir()) if file.name != SEAL}
    (folder / SEAL).write_text(json.dumps(sums, indent=2) + "\n", encoding="utf-8")


def check_seal(folder: Path, *, required: Collection[str], optional: Collection[str] = ()) -> list[str]:
    """The sealed names, after checking that all files are present and unchanged.

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
        raise InputError(f"{folder}: not a whole bundle, {SEAL} lacks {', '.join(missing)}; export it again")
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
    except (OSError, RuntimeError) as error:  # circular links
        raise InputError(f"{folder / name}: cannot be followed: {error}") from None
    if not file.is_relative_to(folder.resolve()):
        raise InputError(f"{folder / name}: leads out of the bundle to {file}; a bundle must contain its files")
    if not file.exists():
        raise InputError(f"{folder / name}: missing; copy the bundle again, or export it again")
    regular_file(file)
    return file


def is_sealed(folder: Path, name: str) -> bool:
    """Whether the bundle's seal covers such a file; any other file there is none of the bundle's."""
    return name in _read_sums(folder)


def _read_sums(folder: Path) -> dict[str, str]:
    sums = read_json(inside(folder, SEAL))
    if not isinstance(sums, dict):
        raise InputError(f"{folder / SEAL}: expected file names and checksums, got {type(sums).__name__}")
    return sums
