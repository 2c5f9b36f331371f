"""The files that a command is asked to write, checked before any work: nothing of the user's is lost.

ending, folder, length of the name ─ a folder, a device ─ one of the inputs ─ given twice
"""

import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

from datagen.errors import InputError
from datagen.files.whole_files import temporary_path


def check_outputs(
    outputs: Sequence[str | Path],
    endings: Sequence[str] = (),
    inputs: Iterable[str | Path] = (),
    *,
    new_folder: bool = False,
) -> list[Path]:
    """The paths of `outputs`; with `new_folder` their folders may be missing and are to be made.

    Raises InputError: an ending that is not one of `endings`, a place that cannot be written to, a file that is one of
    `inputs` (or in a folder of these, by whatever name or link), or one that is given twice.
    """
    files = [Path(output) for output in outputs]
    for file in files:
        ending = file.suffix.lower()
        if endings and ending not in endings:
            raise InputError(f"output {file}: unknown ending {ending or 'none'!r}; allowed: {', '.join(endings)}")
        _check_place(file, new_folder)
    taken = [entry for path in inputs for entry in entries(Path(path))]
    for number, file in enumerate(files):
        if any(same_file(file, each) for each in taken):
            raise InputError(f"output {file}: is the input file, which is not overwritten; give another name")
        if any(same_file(file, each) for each in files[:number]):
            raise InputError(f"output {file}: is given twice; give each output a name of its own")
    return files


def check_folder(folder: Path, names: Iterable[str], inputs: Iterable[str | Path]) -> None:
    """Raises InputError: one of the files `names` that are to be made in `folder` is one of `inputs`."""
    taken = [entry for path in inputs for entry in entries(Path(path))]
    for file in [folder / name for name in names if (folder / name).exists()] if taken else []:
        if any(same_file(file, each) for each in taken):
            raise InputError(f"output {folder}: {file.name} in it is an input file; give another folder")


def entries(path: Path) -> list[Path]:
    """The file itself, or the files of a folder."""
    return [each for each in path.iterdir() if each.is_file()] if path.is_dir() else [path]


def same_file(one: Path, other: Path) -> bool:
    """By name, link or spelling; also of files that are not there yet."""
    try:
        return os.path.samefile(one, other)
    except OSError:
        return one.resolve() == other.resolve()


def _check_place(file: Path, new_folder: bool) -> None:
    try:
        folder = file.parent
        while new_folder and not folder.exists() and folder != folder.parent:
            folder = folder.parent
        if not folder.is_dir():
            raise InputError(f"output {file}: there is no folder {folder}; make it first")
        mode = file.stat().st_mode if file.exists() else stat.S_IFREG
        temporary_path(file).exists()  # whose name is longer
    except OSError as error:
        raise InputError(f"output {file}: cannot be written: {error.strerror}; give another name") from None
    if stat.S_ISDIR(mode):
        raise InputError(f"output {file}: is a folder; give the name of a file in it")
    if not stat.S_ISREG(mode):
        raise InputError(f"output {file}: is no regular file; give another name")
    if not os.access(folder, os.W_OK):
        raise InputError(f"output {file}: the folder {folder} is read-only, or not yours; give another one")
