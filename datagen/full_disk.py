"""A full disk, recognised by the errors of the libraries that write to it."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from datagen.errors import InputError

FULL = (errno.ENOSPC, errno.EDQUOT)
AS_TEXT = re.compile(rf"os error ({'|'.join(map(str, FULL))})\b")  # of safetensors


@contextmanager
def report_full_disk(folder: Path, kept: str, field: str = "") -> Iterator[None]:
    """Turns it into an InputError that names the folder, what is `kept`, and the folder's setting, if given."""
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
    """Whether the error, or its cause, is a full disk: torch.save raises a RuntimeError while handling the OSError."""
    while error is not None:
        if (isinstance(error, OSError) and error.errno in FULL) or AS_TEXT.search(str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False
