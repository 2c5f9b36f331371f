"""What every trace of some files says: the one record that predicting, importing, picking and pretraining read.

SEG-Y, SU (trace_headers.py) ─┐
SEG-2 (seg2.py) ──────────────┴─► TraceTable: shot, place [m], height [m], start [s], dead or alive, of each trace

Traces that hold no seismic data (time breaks, sweeps, other auxiliary channels) are not among them.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datagen.config import INTERVAL
from datagen.errors import InputError

log = logging.getLogger(__name__)

Numbers = NDArray[np.float64]
Indices = NDArray[np.int64]

FOOT = 0.3048  # [m]
ALIKE = 1e-3  # relative difference of intervals that are taken as equal


@dataclass(frozen=True, kw_only=True)
class TraceTable:
    """Traces N of files that are sampled alike."""

    files: tuple[Path, ...]
    samples: int
    interval: float | None  # [s] between time samples; None: in no header
    file_N: Indices  # which of `files`
    trace_N: Indices  # number in its file, from 0
    record_N: Indices  # FieldRecord
    number_N: Indices  # TraceNumber within the record
    offset_N: Numbers
    source_N2: Numbers  # [m] x, y
    receiver_N2: Numbers
    source_height_N: Numbers  # [m] of the surface there
    receiver_height_N: Numbers
    start_N: Numbers  # [s] of the first sample after the shot
    dead_N: NDArray[np.bool_]
    sourced: bool = True  # positions of sources are in the headers
    angles: bool = False  # the coordinates are angles: they order traces, but are no places
    auxiliary: int = 0  # traces of the files that are not among these

    @property
    def placed(self) -> bool:
        """Whether sources and receivers have positions, and these are in metres."""
        return not self.angles and bool(self.source_N2.any() and np.ptp(self.receiver_N2, axis=0).any())

    @property
    def raised(self) -> bool:
        """Whether heights are set."""
        return bool(self.receiver_height_N.any() or self.source_height_N.any())

    def name(self, trace: int) -> str:
        return f"{self.files[self.file_N[trace]]}, trace {self.trace_N[trace]}"


def joined(tables: Sequence[TraceTable]) -> TraceTable:
    """The traces of several tables.  Raises InputError: they are sampled differently."""
    first = tables[0]
    samples, intervals = {each.samples for each in tables}, {each.interval for each in tables}
    if len(samples) > 1 or len(intervals) > 1:
        found = ", ".join("none" if each is None else f"{each:g}" for each in sorted(intervals, key=lambda i: i or 0))
        raise InputError(
            f"{first.files[0].parent}: files of {sorted(samples)} samples and intervals of [{found}] s; "
            "all must be alike"
        )
    arrays: dict[str, Any] = {
        name: np.concatenate([getattr(each, name) for each in tables])
        for name in vars(first)
        if name.endswith(("_N", "_N2")) and name != "file_N"
    }
    return replace(
        first,
        files=tuple(file for each in tables for file in each.files),
        file_N=np.repeat(np.arange(len(tables)), [len(each.file_N) for each in tables]),
        angles=any(each.angles for each in tables),
        auxiliary=sum(each.auxiliary for each in tables),
        **arrays,
    )


def checked_interval(interval: float, where: str) -> float:
    """`interval` [s].  Raises InputError: no number, or not one of a seismic record."""
    if not INTERVAL[0] <= interval <= INTERVAL[1]:
        hint = "; it looks like microseconds or milliseconds: write seconds" if interval > INTERVAL[1] else ""
        raise InputError(
            f"{where}: an interval of {interval:g} s between time samples; allowed are {INTERVAL[0]:g} to "
            f"{INTERVAL[1]:g} s{hint}"
        )
    return interval


def settled_interval(path: Path, given: float | None, stored: float | None, *, headers: bool) -> float | None:
    """[s]: the one `given` by the user, or that `stored` in the files; None: arrays, whose formats have none.

    Raises InputError: files with `headers` lack it, or the one given is not of a seismic record.
    """
    if given is not None:
        checked_interval(given, "--interval")
        if stored and abs(given / stored - 1) > ALIKE:
            log.warning("%s: has a sampling interval of %g s; --interval %g s is used instead", path, stored, given)
        return given
    if stored is None and headers:
        raise InputError(f"{path}: no sampling interval in its headers; give it with --interval, in seconds")
    return stored


def known_interval(path: Path, settled: float | None) -> float:
    """`settled` [s].  Raises InputError: neither the user nor the file says how it is sampled."""
    if settled is None:
        raise InputError(f"{path}: has no sampling interval; give it with --interval, in seconds")
    return settled
