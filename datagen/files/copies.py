"""Files that hold the same samples, as a backup inside a folder does: taken twice, they leak from training to test."""

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path

from datagen.files.regular_files import regular_file

log = logging.getLogger(__name__)

ENDS = 2**20  # bytes at the beginning and at the end that are compared, of files of one length


def tell_copies(files: Sequence[Path]) -> None:
    """A warning if two of the files have the same length, beginning and end."""
    lengths = [regular_file(file) for file in files]
    seen: dict[tuple[int, bytes], Path] = {}
    for file, length in zip(files, lengths, strict=True):
        if lengths.count(length) == 1:
            continue
        other = seen.setdefault((length, _ends(file, length)), file)
        if other is not file:
            log.warning("%s: holds the same samples as %s, which are taken twice; move one away", file, other)


def _ends(file: Path, length: int) -> bytes:
    with open(file, "rb") as stream:
        found = hashlib.sha256(stream.read(ENDS))
        stream.seek(max(0, length - ENDS))
        found.update(stream.read(ENDS))
    return found.digest()
