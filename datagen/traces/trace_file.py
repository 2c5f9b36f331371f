"""SEG-Y and Seismic Unix as the bytes they are: trace after trace, each with its header.

SEG-Y   3200 text │ 400 binary header │ more texts ─┐
SU      ────────────────────────────────────────────┴─ [ 240 header │ more headers │ samples ] of each trace

Of revision 2 the extended fields count: samples, interval, more trace headers, place of the first trace.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datagen.errors import InputError
from datagen.files.regular_files import check_memory, regular_file
from datagen.traces.float_format import FORMATS, IEEE, NAMES, decoded, recognised

log = logging.getLogger(__name__)

SEGY_SUFFIXES, SU_SUFFIXES = (".sgy", ".segy"), (".su",)
TRACE_SUFFIXES = (*SEGY_SUFFIXES, *SU_SUFFIXES)
TEXT, HEADS, TRACE_HEAD = 3200, 3600, 240  # bytes
ORDER_CONSTANT = 16909060  # of revision 2, at byte 3297
TRACE_MEMORY = 200  # bytes per trace, of the header words that are read
LOOKED_AT = 64  # traces whose bits tell the format


def trace_files(path: Path) -> list[Path]:
    """The SEG-Y and SU files at `path`: itself, or those of a folder."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return [file for file in files if file.suffix.lower() in TRACE_SUFFIXES]


@dataclass(frozen=True, kw_only=True)
class TraceFile:
    """A file of traces of one length."""

    path: Path
    order: str  # of the bytes, "<" or ">"
    start: int  # bytes before the first trace
    head: int  # bytes of a trace's headers
    code: int  # of the number format
    samples: int
    traces: int
    interval: float = 0.0  # [s] in the file's own header; 0: not there
    exact: bool = False  # it is revision 2's, which counts more than the traces' whole microseconds
    feet: bool = False
    su: bool = False

    def word(self, byte: int, kind: str = "i4") -> NDArray[Any]:
        """A word of all trace headers [N]; its first byte is counted from 1, as the standard does."""
        size = np.dtype(kind).itemsize
        part = np.ascontiguousarray(self._bytes()[:, byte - 1 : byte - 1 + size])
        values: NDArray[Any] = part.view(f"{self.order}{kind}")[:, 0]
        return values.astype(np.float64 if kind[0] == "f" else np.int64)

    def values(self, traces: Sequence[int] | NDArray[np.int64] | slice = slice(None)) -> NDArray[np.float32]:
        """Samples [M, T] of some traces."""
        return decoded(self._raw(traces), self.code)

    def write_words(self, copy: Path, byte: int, words_NW: NDArray[np.int64]) -> None:
        """Puts words of four bytes, from `byte` on, into the headers of a copy of the file."""
        table = np.memmap(copy, np.uint8, "r+", self.start, self._bytes().shape)
        content = words_NW.astype(f"{self.order}i4").view(np.uint8).reshape(self.traces, -1)
        table[:, byte - 1 : byte - 1 + content.shape[1]] = content
        table.flush()

    def _raw(self, traces: Any) -> NDArray[Any]:
        kind = np.dtype(f"{self.order}{FORMATS[self.code]}")
        raw: NDArray[Any] = np.ascontiguousarray(self._bytes()[traces][:, self.head :]).view(kind)
        return raw.astype(kind.newbyteorder("="))

    def _bytes(self) -> NDArray[np.uint8]:
        """All of the traces [N, bytes], mapped into memory."""
        size = self.head + self.samples * np.dtype(FORMATS[self.code]).itemsize
        return np.memmap(self.path, np.uint8, "r", self.start, (self.traces, size))


def open_segy(path: Path) -> TraceFile:
    """Raises InputError: no such file, no SEG-Y, a number format that is not read, truncated, or too many traces."""
    length = regular_file(path)
    with open(path, "rb") as stream:
        content = stream.read(HEADS + TRACE_HEAD)
    order, code = _order(path, content)
    revision = max(content[3500], _word(content, 3501, f"{order}u2") >> 8)
    extended = revision == 2
    texts = _word(content, 3505, f"{order}i2")
    if revision not in (1, 2) and not 0 <= TEXT * texts < length:
        texts = 0  # before revision 1 anything may stand there
    start = (_word(content, 3521, f"{order}u8") if extended else 0) or HEADS + TEXT * texts
    samples = _word(content, 3221, f"{order}u2")
    if extended or not samples:
        samples = _word(content, 3269, f"{order}i4") or samples
    samples = samples or _word(content, HEADS + 115, f"{order}u2")
    more = _word(content, 3507, f"{order}i4") if extended else 0
    exact = _word(content, 3273, f"{order}f8") if extended else 0.0
    if min(texts, more, samples - 1, start - HEADS) < 0:
        raise InputError(f"{path}: not SEG-Y: {samples} samples, {texts} more texts, {more} more trace headers")
    found = TraceFile(
        path=path,
        order=order,
        start=start,
        head=TRACE_HEAD * (1 + more),
        code=code,
        samples=samples,
        traces=0,
        interval=(exact or _word(content, 3217, f"{order}u2")) * 1e-6,
        exact=bool(exact),
        feet=_word(content, 3255, f"{order}i2") == 2,
    )
    trailers = max(0, _word(content, 3529, f"{order}i4")) if extended else 0
    return as_marked_or_not(counted(found, length - TEXT * trailers, "SEG-Y"))


def counted(file: TraceFile, length: int, kind: str) -> TraceFile:
    """The file with its number of traces.  Raises InputError: not a whole number, none, or too many."""
    size = file.head + file.samples * np.dtype(FORMATS[file.code]).itemsize
    traces, rest = divmod(length - file.start, size)
    if traces < 1 or rest:
        raise InputError(
            f"{file.path}: not {kind}, or truncated: {length} bytes are no whole number of traces of {file.samples} "
            f"samples, {size} bytes each"
        )
    check_memory(file.path, TRACE_MEMORY * traces)
    return replace(file, traces=traces)


def as_marked_or_not(file: TraceFile) -> TraceFile:
    """The file with the format of floats that its bits show; a warning if it is marked as the other."""
    if file.code not in NAMES:
        return file
    some = np.unique(np.linspace(0, file.traces - 1, LOOKED_AT).astype(np.int64))
    code = recognised(file._raw(some).view(np.uint32), file.code)
    if code != file.code:
        mark = "SU holds IEEE floats" if file.su else f"marked as {NAMES[file.code]} floats (format {file.code})"
        log.warning("%s: %s, its numbers are %s floats; they are read as these", file.path, mark, NAMES[code])
    return replace(file, code=code)


def _order(path: Path, content: bytes) -> tuple[str, int]:
    """Order of the bytes, and code of the number format."""
    if len(content) < HEADS:
        raise InputError(f"{path}: not SEG-Y, or truncated: {len(content)} bytes")
    codes = {order: _word(content, 3225, f"{order}u2") for order in "><"}
    constants = {_word(content, 3297, f"{order}u4"): order for order in "><"}
    order = constants.get(ORDER_CONSTANT) or (">" if 0 < codes[">"] < 17 else "<")
    if not 0 < codes[order] < 17:
        raise InputError(f"{path}: not SEG-Y, the binary header has no number format from 1 to 16")
    if codes[order] not in FORMATS:
        raise InputError(
            f"{path}: number format {codes[order]} (byte 3225) is not read; allowed: "
            f"{', '.join(map(str, FORMATS))}; write the file anew with format {IEEE}, IEEE floats"
        )
    return order, codes[order]


def _word(content: bytes, byte: int, kind: str) -> Any:
    part = content[byte - 1 : byte - 1 + np.dtype(kind).itemsize]
    return np.frombuffer(part, kind)[0].item() if len(part) == np.dtype(kind).itemsize else 0
