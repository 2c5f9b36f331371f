"""Files that are written whole or not at all, and their checksum.

name.tmp ── all written ──► name        in one step: a reader, or a kill, finds the old file or the new one
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from datagen.files.writing import reported


def temporary_path(path: Path) -> Path:
    """The name of a file, or a folder, until it is whole."""
    return path.with_name(f"{path.name}.tmp")


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yields the file to write; it is renamed to `path` when the block ends, or deleted if the block raises.

    Raises InputError with the cause when the file cannot be written.
    """
    part = temporary_path(path)
    try:
        with reported(path):
            yield part
            os.replace(part, path)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def sync(path: Path) -> None:
    """Waits until a file's content, or a folder's list of names, would survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def file_sha256(path: Path) -> str:
    """In hexadecimal."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
