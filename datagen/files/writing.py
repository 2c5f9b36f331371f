"""What can keep a file from being written, as one message: a full or read-only disk, a folder in its place, …

error of a library ─► its errno, wherever it is hidden ─► InputError that names the file and the cause
"""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from datagen.errors import InputError

FULL = (errno.ENOSPC, errno.EDQUOT)
AS_TEXT = re.compile(r"os error (\d+)\b")  # of safetensors
# Of the place that was given, not of this program.
OF_THE_PLACE = (
    *FULL,
    *(errno.EROFS, errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.EISDIR, errno.ENOTDIR, errno.ENOENT),
    *(errno.EFBIG, errno.EIO, errno.ELOOP, errno.EEXIST, errno.ENOTEMPTY, errno.ETXTBSY, errno.ENXIO, errno.ENODEV),
)


def write_errno(error: BaseException | None) -> int | None:
    """The errno of an error, or of its cause: torch.save raises a RuntimeError while handling the OSError."""
    while error is not None:
        if isinstance(error, OSError) and error.errno:
            return error.errno
        if found := AS_TEXT.search(str(error)):
            return int(found[1])
        error = error.__cause__ or error.__context__
    return None


def is_full(error: BaseException) -> bool:
    return write_errno(error) in FULL


@contextmanager
def reported(path: Path) -> Iterator[None]:
    """Turns what keeps `path` from being written into an InputError with the cause."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        number = write_errno(error)
        if number not in OF_THE_PLACE:
            raise
        if number in FULL:
            text = f"the disk of {path.parent} is full; free some space and run the same command again"
        else:
            text = f"{path}: cannot be written: {os.strerror(number)}; give another place"
        raise InputError(text) from error
