"""Files that hold the same samples, as a backup inside a folder does: taken twice, they leak from training to test."""

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path

from datagen.files.regular_files import regular_file

log = logging.getLogger(__name__)

ENDS = 2**20  # bytes


def tell_copies(files: Sequence[Path]) -> None:
    """A warning if two of the files have the same length, beginning and end."""
    lengths = [regular_file(file) for file in files]
    seen: dict[tuple[int, bytes], Path] = {}
    for file, length in zip(files, lengths, strict=True):
        if lengths.count(length) == 1:
            continue
        other = seen.setdefault((length, hashlib.sha256(read_ends(file, length)).digest()), file)
        if other is not file:
            log.warning("%s: holds the same samples as %s, which are taken twice; move one away", file, other)


def read_ends(file: Path, length: int) -> bytes:
    """The beginning and the end of a file of so many bytes: they identify a download without reading all of it."""
    with open(file, "rb") as stream:
        beginning = stream.read(ENDS)
        stream.seek(max(0, length - ENDS))
        return beginning + stream.read(ENDS)
