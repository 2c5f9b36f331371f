"""Seismic Unix: SEG-Y traces without the headers of a file, in the byte order of the machine that wrote them.

    both orders ─ whose lengths fit the file ─► the one that is less surprising

Read in the wrong order, small numbers in headers become large and floats are scattered over all powers of two.
"""

from pathlib import Path

import numpy as np

from datagen.errors import InputError
from datagen.files.regular_files import regular_file
from datagen.traces.float_format import IEEE
from datagen.traces.trace_file import LOOKED_AT, TRACE_HEAD, TraceFile, as_marked_or_not, counted

WORDS = (1, 5, 9, 13, 17, 21, 37, 41, 45, 49, 73, 77, 81, 85)  # of four bytes
SHORT_WORDS = (29, 69, 71, 89, 105, 107, 109, 115, 117)  # of two
WILD = 64.0  # powers of two from 1 that a sample counts which is no number


def open_su(path: Path) -> TraceFile:
    """Raises InputError: no such file, not SU, truncated, empty, or traces of different lengths."""
    length = regular_file(path)
    with open(path, "rb") as stream:
        head = stream.read(TRACE_HEAD)
    fitting = [file for order in "<>" if (file := _in_order(path, head, length, order)) is not None]
    if not fitting:
        raise InputError(f"{path}: not SU, truncated, or empty: its size is no multiple of the size of a trace")
    return as_marked_or_not(min(fitting, key=_surprise))


def _in_order(path: Path, head: bytes, length: int, order: str) -> TraceFile | None:
    """The file in this order of bytes, if the lengths in its headers fit the file's."""
    samples = int(np.frombuffer(head[114:116], f"{order}u2")[0]) if len(head) == TRACE_HEAD else 0
    if not samples:
        return None
    file = TraceFile(path=path, order=order, start=0, head=TRACE_HEAD, code=IEEE, samples=samples, traces=0, su=True)
    try:
        file = counted(file, length, "SU")
    except InputError:
        return None
    return file if (file.word(115, "u2") == samples).all() else None


def _surprise(file: TraceFile) -> float:
    """Bits of the words in its headers, and powers of two between its samples and their usual size."""
    words = [file.word(byte) for byte in WORDS] + [file.word(byte, "i2") for byte in SHORT_WORDS]
    bits = sum(float(np.log2(1.0 + np.abs(each)).mean()) for each in words)
    some = np.unique(np.linspace(0, file.traces - 1, LOOKED_AT).astype(np.int64))
    with np.errstate(invalid="ignore"):
        values = np.abs(file.values(some).astype(np.float64))
    sound = np.isfinite(values) & (values > 0)
    powers = np.log2(values, where=sound, out=np.where(values == 0, np.nan, WILD))
    usual = np.nanmedian(powers) if (values != 0).any() else 0.0
    return bits + float(np.nan_to_num(np.abs(powers - usual)).mean())
