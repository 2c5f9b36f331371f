"""Files from untrusted sources: regular ones only, and none that would not fit in memory.

A FIFO makes its reader wait for ever, a device never ends, and a huge sparse file costs its maker nothing.
"""

import stat
from pathlib import Path

import psutil

from datagen.errors import InputError

KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a FIFO (named pipe)",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def regular_file(path: str | Path) -> int:
    """Length [bytes] of a regular file, or of a link's target; it is not opened.

    Raises InputError: no such file, out of reach, or a folder, FIFO, socket or device.
    """
    try:
        found = Path(path).stat()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:  # a loop of links, an unreadable folder, a name with a null byte
        raise InputError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if not stat.S_ISREG(found.st_mode):
        kind = KINDS.get(stat.S_IFMT(found.st_mode), "no file")
        raise InputError(f"{path}: Is {kind}; give a regular file")
    return found.st_size


def read_whole(path: str | Path, most: int) -> bytes:
    """All of a file of up to `most` bytes.  Raises InputError: longer, or as `regular_file`."""
    length = regular_file(path)
    try:
        with open(path, "rb") as stream:
            content = stream.read(most + 1)  # the length of a file in /proc is 0
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    if len(content) > most:
        raise InputError(f"{path}: {max(length, len(content))} bytes; such a file may have at most {most}")
    return content


def check_memory(path: str | Path, needed: int) -> None:
    """Raises InputError unless the `needed` bytes of memory to read the file are free."""
    free = psutil.virtual_memory().available
    if needed > free:
        raise InputError(
            f"{path}: reading it takes {needed / 1e9:.1f} GB of memory, {free / 1e9:.1f} GB are free; "
            "cut it into smaller files, or use a machine with more memory"
        )
