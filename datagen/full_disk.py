"""A disk that is full, known by what the libraries that write make of it."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from datagen.errors import InputError

FULL = (errno.ENOSPC, errno.EDQUOT)
AS_TEXT = re.compile(rf"os error ({'|'.join(map(str, FULL))})\b")  # of safetensors


@contextmanager
def told_when_disk_is_full(folder: Path, kept: str, field: str = "") -> Iterator[None]:
    """Makes an InputError of it, which names the folder and what is `kept`, and the setting of the folder if given."""
    try:
        yield
    except Exception as error:
        if not _is_full(error):
            raise
        raise InputError(
            f"{field and f'{field}: '}the disk of {folder} is full; free some space and run the same command again, "
            f"{kept}"
        ) from None


def _is_full(error: BaseException | None) -> bool:
    """Whether it, or what it comes from, says so: torch.save raises a RuntimeError in the course of an OSError."""
    while error is not None:
        if (isinstance(error, OSError) and error.errno in FULL) or AS_TEXT.search(str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False
