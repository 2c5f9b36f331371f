"""Samples of traces on one time axis: delays are applied trace by trace, dead traces are silent.

trace that starts at −5 ms   ▂▅▂▁▃…          start of all: −5 ms
trace that starts at  0 ms   ···▂▅▂▁…        moved by whole samples, silent before
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datagen.errors import InputError
from datagen.traces.trace_headers import open_traces
from datagen.traces.trace_table import Indices, Numbers, TraceTable

WHOLE = 0.01  # samples that a shift, or a cut, may be off a whole number


@dataclass(frozen=True, kw_only=True)
class Shifts:
    """Of traces M to a common start."""

    start: float  # [s] of the first sample after the shot
    shift_M: Indices  # samples by which each trace is later
    rest_M: Numbers  # [s] by which it is later still, less than half a sample


def common_start(table: TraceTable, traces_M: Indices, interval: float | None) -> Shifts:
    """Raises InputError: delays that differ by more than a record, or without an interval."""
    start_M = table.start_N[traces_M]
    late_M = start_M - start_M.min()
    if not late_M.any():
        return Shifts(start=float(start_M.min()), shift_M=np.zeros(len(traces_M), np.int64), rest_M=late_M)
    where = table.name(int(traces_M[late_M.argmax()]))
    if interval is None:
        raise InputError(f"{where}: delays differ, and there is no sampling interval to compare them with; --interval")
    shift_M = np.rint(late_M / interval).astype(np.int64)
    if shift_M.max() >= table.samples:
        raise InputError(
            f"{where}: it starts at {start_M.max():g} s, others of the shot at {start_M.min():g} s, when their records "
            f"of {table.samples * interval:g} s have ended; check the delays (byte 109, scalar in byte 215)"
        )
    return Shifts(start=float(start_M.min()), shift_M=shift_M, rest_M=late_M - shift_M * interval)


def read_values(table: TraceTable, traces_M: Indices) -> NDArray[np.float32]:
    """Samples [M, T] as they stand in SEG-Y or SU files; dead traces are zero."""
    values_MT = np.empty((len(traces_M), table.samples), np.float32)
    for number in np.unique(table.file_N[traces_M]):
        rows = np.flatnonzero(table.file_N[traces_M] == number)
        values_MT[rows] = open_traces(table.files[number]).values(table.trace_N[traces_M[rows]])
    values_MT[table.dead_N[traces_M]] = 0
    return values_MT


def shifted(values_MT: NDArray[np.float32], shift_M: Indices, samples: int) -> NDArray[np.float32]:
    """Each trace later by its shift, in records of `samples`."""
    if samples == values_MT.shape[1]:
        return values_MT
    moved_MT = np.zeros((len(values_MT), samples), np.float32)
    for moved_T, values_T, shift in zip(moved_MT, values_MT, shift_M, strict=True):
        moved_T[shift : shift + len(values_T)] = values_T
    return moved_MT
