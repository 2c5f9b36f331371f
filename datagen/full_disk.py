"""A full disk, reported with what is kept, by those who write more than one file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from datagen.errors import InputError
from datagen.files.writing import is_full, reported


@contextmanager
def report_full_disk(folder: Path, kept: str, field: str = "") -> Iterator[None]:
    """Turns it into an InputError that names the folder, what is `kept`, and the folder's setting, if given."""
    try:
        yield
    except Exception as error:
        if not is_full(error):
            raise
        raise InputError(
            f"{field and f'{field}: '}the disk of {folder} is full; free some space and run the same command again, "
            f"{kept}"
        ) from None


@contextmanager
def report_unwritable(folder: Path, kept: str, field: str = "") -> Iterator[None]:
    """The same for whatever else keeps a folder from being written to."""
    with reported(folder), report_full_disk(folder, kept, field):
        yield
