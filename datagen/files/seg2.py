"""SEG-2, the format of engineering seismographs, read by ObsPy: one file is one shot.

Positions, delay and interval are in text fields of each trace's header, which makers of seismographs fill in as they
like: a missing or non-numeric field counts as not set.
"""

import struct
import warnings
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datagen.errors import InputError
from datagen.files.regular_files import check_memory, regular_file

LEAST_BYTES = 2  # of a sample, in any of the format's codes


@dataclass(frozen=True, kw_only=True)
class Line:
    """The traces of a SEG-2 file, in the order of the file."""

    gather_TR: NDArray[np.float32]
    interval: float  # [s]
    start: float  # [s] of the first sample after the shot
    receiver_R: NDArray[np.float64] | None  # [m] along the line
    source: float | None  # [m]


def read_seg2(path: Path) -> Line:
    """Raises InputError: not SEG-2, truncated, too large for the memory, or traces of different sampling."""
    check_memory(path, 4 * regular_file(path))
    content = path.read_bytes()
    _check_samples(path, content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ObsPy's, of header fields that are not in the standard
        import obspy  # noqa: PLC0415  takes a second, and no other format needs it

        try:
            stream = obspy.read(BytesIO(content), format="SEG2")  # given a path, it leaves the file open on errors
        except Exception as error:  # ObsPy fails on damaged files in many ways
            raise InputError(f"{path}: not SEG-2, or truncated: {error}") from None
    sampling = {(trace.stats.npts, trace.stats.delta) for trace in stream}
    if len(sampling) != 1 or stream[0].stats.npts == 0:
        found = ", ".join(f"{samples} samples every {delta:g} s" for samples, delta in sorted(sampling))
        raise InputError(f"{path}: traces of {found or 'no samples'}; all traces must be sampled alike")
    (_, interval) = sampling.pop()
    receivers = [_number(trace, "RECEIVER_LOCATION") for trace in stream]
    known = np.array([np.nan if place is None else place for place in receivers])
    return Line(
        gather_TR=np.stack([_values(trace) for trace in stream], axis=-1),
        interval=float(interval),
        start=_number(stream[0], "DELAY") or 0.0,
        receiver_R=known if np.isfinite(known).all() and np.ptp(known) > 0 else None,
        source=_number(stream[0], "SOURCE_LOCATION"),
    )


def _check_samples(path: Path, content: bytes) -> None:
    """Raises InputError if the traces promise more samples than fit: ObsPy would read the same bytes many times."""
    order = "<" if content[:2] == b"\x55\x3a" else ">"
    try:
        (traces,) = struct.unpack_from(f"{order}H", content, 6)
        blocks = struct.unpack_from(f"{order}{traces}I", content, 32)
        promised = sum(struct.unpack_from(f"{order}I", content, block + 8)[0] for block in blocks)
    except struct.error:
        raise InputError(f"{path}: not SEG-2, or truncated: trace headers are beyond its end") from None
    if promised * LEAST_BYTES > len(content):
        raise InputError(f"{path}: not SEG-2, or truncated: {promised} samples in {len(content)} bytes")


def _values(trace: Any) -> NDArray[np.float32]:
    """In volts or the factor's unit; amplifiers may differ from trace to trace."""
    return np.asarray(trace.data, np.float32) * np.float32(_number(trace, "DESCALING_FACTOR") or 1.0)


def _number(trace: Any, field: str) -> float | None:
    """The first number of a header field: a position is written as x, or as x y z."""
    try:
        return float(str(trace.stats.seg2[field]).split()[0])
    except (KeyError, AttributeError, IndexError, ValueError):
        return None
