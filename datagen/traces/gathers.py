"""Recorded gathers of any size, from the formats they come in.

    .npy .npz                 arrays                ┐
    .sgy .segy                SEG-Y, IBM and IEEE   ├─► Recording: gathers [T, R], interval, positions, trace numbers
    .su                       Seismic Unix          │
    .seg2 .sg2 .dat           SEG-2, by ObsPy       ┘

Traces are sorted by shot and receiver from their headers (shots.py).  Values stay as recorded, NaN too; dead traces are
zero, and delays are applied.
"""

import logging
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datagen.errors import InputError
from datagen.files.known_formats import explained
from datagen.files.npy_files import map_npy, read_npz
from datagen.files.regular_files import check_memory, regular_file
from datagen.traces.profile import along_line
from datagen.traces.seg2 import read_seg2
from datagen.traces.shots import sorted_traces
from datagen.traces.trace_file import TRACE_SUFFIXES
from datagen.traces.trace_headers import read_traces
from datagen.traces.trace_table import Indices, TraceTable, checked_interval
from datagen.traces.trace_values import common_start, read_values, shifted

log = logging.getLogger(__name__)

SEG2_SUFFIXES = (".seg2", ".sg2", ".dat")
ARRAY_SUFFIXES = (".npy", ".npz")
GATHER_SUFFIXES = (*ARRAY_SUFFIXES, *TRACE_SUFFIXES, *SEG2_SUFFIXES)
LABELS = "first_break_s"  # name in an .npz
INTERVALS = ("interval", "interval_s", "dt")  # names in an .npz, [s]

Gather = NDArray[np.float32]
Numbers = list[NDArray[np.float64]]


@dataclass(frozen=True, kw_only=True)
class Recording:
    """The gathers of a file, in the order of shots; each has its traces in the order of receivers."""

    gathers: list[Gather]  # [T, R] each
    interval: float | None  # [s] between time samples; None: not in the file
    starts: Numbers  # [s] of the first sample of each trace after the shot, [R] each
    traces: list[NDArray[np.int64]]  # [R] each: the number of each trace in the file, from 0
    receivers: Numbers | None = None  # [m] along the line [R] each; None: not in the file
    sources: list[float] | None = None  # [m] along the line
    heights: tuple[Numbers, list[float]] | None = None  # [m] of receivers [R] and sources; None: not in the file
    first_breaks: list[NDArray[np.float32]] | None = None  # [s] labels [R] each, NaN where there is none
    headers: bool = False  # the file's format has headers, which ought to say the interval


def read_gathers(path: str | Path) -> tuple[NDArray[np.float32] | list[Gather], float | None]:
    """Gathers `[S, T, R]`, float32, or a list of `[T, R]` if they differ in size, and the sampling interval [s].

    The interval is None if it is not in the file.  Raises InputError as `read_recording`.
    """
    recording = read_recording(path)
    alike = len({gather.shape for gather in recording.gathers}) == 1
    return (np.stack(recording.gathers) if alike else recording.gathers), recording.interval


def read_recording(path: str | Path, interval: float | None = None) -> Recording:
    """Everything of a file that picking needs.  `interval` [s] counts more than the file's, when delays are applied.

    Raises InputError: no such file, not of the kind its ending says, truncated, without a sample, delays or an interval
    that cannot be, or labels and traces of different shapes.
    """
    path = Path(path)
    regular_file(path)
    match path.suffix.lower():
        case ".npy" | ".npz":
            return _from_arrays(path)
        case ending if ending in TRACE_SUFFIXES:
            table = read_traces([path])
            check_memory(path, 8 * len(table.trace_N) * table.samples)
            return _from_traces(table, read_values(table, np.arange(len(table.trace_N))), interval)
        case ending if ending in SEG2_SUFFIXES:
            return _from_traces(*read_seg2(path), interval)
        case ending:
            problem = f"unknown ending {ending or 'none'!r}; allowed: {', '.join(GATHER_SUFFIXES)}"
            raise InputError(f"{path}: {explained(path, problem)}")


def _from_arrays(path: Path) -> Recording:
    """One array `[T, R]`, `[S, T, R]` or `[N, S, T, R]`; an .npz may hold labels and interval too."""
    try:
        arrays = read_npz(path) if path.suffix.lower() == ".npz" else {"gathers": map_npy(path)}
    except (OSError, ValueError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{path}: truncated, or no arrays of numbers: {error}") from None
    shots = [
        value for name, value in arrays.items() if name != LABELS and value.ndim >= 2 and value.dtype.kind in "fiu"
    ]
    if len(shots) != 1 or shots[0].ndim > 4 or shots[0].size == 0:
        held = ", ".join(f"{name} {value.dtype}{list(value.shape)}" for name, value in arrays.items())
        raise InputError(f"{path}: holds {held}; allowed is one array of numbers [T, R], [S, T, R] or [N, S, T, R]")
    check_memory(path, 4 * shots[0].size)
    with np.errstate(over="ignore"):  # Inf, as whatever is beyond float32
        gathers_STR = shots[0].reshape(-1, *shots[0].shape[-2:]).astype(np.float32)
    _tell_order(path, gathers_STR.shape)
    recording = Recording(
        gathers=list(gathers_STR),
        interval=_stored_interval(path, arrays),
        starts=[np.zeros(gathers_STR.shape[2])] * len(gathers_STR),
        traces=list(np.arange(gathers_STR.shape[0] * gathers_STR.shape[2]).reshape(-1, gathers_STR.shape[2])),
    )
    return with_labels(recording, arrays[LABELS], path) if LABELS in arrays else recording


def with_labels(recording: Recording, labels_SR: NDArray[Any], origin: Path) -> Recording:
    """The recording with first breaks [s], `[S, R]`.  Raises InputError: not one time for each trace."""
    found = labels_SR.shape[-2:] if labels_SR.ndim >= 2 else (1, *labels_SR.shape)
    wanted = (len(recording.gathers), recording.gathers[0].shape[1])
    if labels_SR.dtype.kind not in "fiu" or labels_SR.size != np.prod(wanted) or found[-1] != wanted[-1]:
        raise InputError(
            f"{origin}: labels of shape {list(labels_SR.shape)} for {wanted[0]} gathers of {wanted[1]} traces; "
            f"allowed: one time in seconds for each trace, {list(wanted)}"
        )
    return replace(recording, first_breaks=list(labels_SR.reshape(wanted).astype(np.float32)))


def _stored_interval(path: Path, arrays: dict[str, NDArray[Any]]) -> float | None:
    for name in INTERVALS:
        if name in arrays:
            if arrays[name].size != 1 or arrays[name].dtype.kind not in "fiu":
                raise InputError(
                    f"{path}: {name} is {arrays[name].dtype}{list(arrays[name].shape)}; allowed: one number"
                )
            return checked_interval(float(arrays[name].item()), f"{path}, {name}")
    return None


def _tell_order(path: Path, shape: tuple[int, ...]) -> None:
    _, samples, receivers = shape
    if receivers > samples:
        log.warning(
            "%s: more traces (%d) than time samples (%d); the axes must be (shot, time, receiver): transpose it if "
            "time is the last",
            *(path, receivers, samples),
        )


def _from_traces(table: TraceTable, values_NT: NDArray[np.float32], interval: float | None) -> Recording:
    """The recording of traces N with their samples."""
    shot_N, order = sorted_traces(table)
    shots: list[Indices] = np.split(order, np.cumsum(np.bincount(shot_N))[:-1])
    gathers, starts = [], []
    for chosen in shots:
        shifts = common_start(table, chosen, interval or table.interval)
        moved_RT = shifted(values_NT[chosen], shifts.shift_M, table.samples + int(shifts.shift_M.max()))
        gathers.append(np.ascontiguousarray(moved_RT.T))
        starts.append(shifts.start + shifts.rest_M)
    recording = Recording(
        gathers=gathers,
        interval=table.interval,
        starts=starts,
        traces=[table.trace_N[chosen] for chosen in shots],
        headers=True,
    )
    return _with_places(recording, table, shots)


def _with_places(recording: Recording, table: TraceTable, shots: Sequence[Indices]) -> Recording:
    if table.angles:
        log.warning("%s: its coordinates are angles (byte 89), so there are no positions in metres", table.files[0])
    if table.angles or not np.ptp(table.receiver_N2, axis=0).any():
        return recording
    source_N, receiver_N = along_line(table)
    if table.sourced and not table.source_N2.any():
        log.warning("%s: the coordinates of all sources are 0, which may mean that they are not set", table.files[0])
    heights = (
        [table.receiver_height_N[chosen] for chosen in shots],
        [float(table.source_height_N[chosen[0]]) for chosen in shots],
    )
    return replace(
        recording,
        receivers=[receiver_N[chosen] for chosen in shots],
        sources=[float(source_N[chosen[0]]) for chosen in shots] if table.sourced else None,
        heights=heights if table.raised else None,
    )
