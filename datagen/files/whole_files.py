"""Files that are there whole or not at all, and the checksum that they are known by.

name.tmp ── all written ──► name        in one step: a reader, or a kill, finds the old file or the new one
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def part_of(path: Path) -> Path:
    """The name that a file, or a folder, has until it is whole."""
    return path.with_name(f"{path.name}.tmp")


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Gives the file to write; it takes the name `path` when the block ends, or goes if the block raises."""
    part = part_of(path)
    try:
        yield part
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def sync(path: Path) -> None:
    """Waits until what was written of a file, or which names are in a folder, would outlast a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def file_sha256(path: Path) -> str:
    """In hexadecimal."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
