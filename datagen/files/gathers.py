"""Recorded gathers of any size, from the formats they come in.

    .npy .npz                 arrays                ┐
    .sgy .segy                SEG-Y, IBM and IEEE   ├─► Recording: gathers [T, R], interval, positions, trace numbers
    .su                       Seismic Unix          │
    .seg2 .sg2 .dat           SEG-2, by ObsPy       ┘

SEG-Y and SU are sorted by shot and receiver from their headers (`segy.sorted_traces`).  Values stay as recorded,
NaN too.
"""

import zipfile
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import segyio
from numpy.typing import NDArray
from segyio import TraceField

from datagen.errors import InputError
from datagen.files.npy_files import map_npy, read_npz
from datagen.files.regular_files import check_memory, regular_file
from datagen.files.seg2 import read_seg2
from datagen.files.segy import SEGY_SUFFIXES, header, open_segy, read_interval, sorted_traces

SEG2_SUFFIXES = (".seg2", ".sg2", ".dat")
ARRAY_SUFFIXES = (".npy", ".npz")
GATHER_SUFFIXES = (*ARRAY_SUFFIXES, *SEGY_SUFFIXES, ".su", *SEG2_SUFFIXES)
LABELS = "first_break_s"  # name in an .npz
INTERVALS = ("interval", "interval_s", "dt")  # names in an .npz, [s]

Gather = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Recording:
    """The gathers of a file, in the order of shots; each has its traces in the order of receivers."""

    gathers: list[Gather]  # [T, R] each
    interval: float | None  # [s] between time samples; None: not in the file
    start: float = 0.0  # [s] of the first sample after the shot
    traces: list[NDArray[np.int64]]  # [R] each: the number of each trace in the file, from 0
    receivers: list[NDArray[np.float64]] | None = None  # [m] along the line [R] each; None: not in the file
    sources: list[float] | None = None  # [m] along the line
    first_breaks: list[NDArray[np.float32]] | None = None  # [s] labels [R] each, NaN where there is none


def read_gathers(path: str | Path) -> tuple[NDArray[np.float32] | list[Gather], float | None]:
    """Gathers `[S, T, R]`, float32, or a list of `[T, R]` if they differ in size, and the sampling interval [s].

    The interval is None if it is not in the file.  Raises InputError as `read_recording`.
    """
    recording = read_recording(path)
    alike = len({gather.shape for gather in recording.gathers}) == 1
    return (np.stack(recording.gathers) if alike else recording.gathers), recording.interval


def read_recording(path: str | Path) -> Recording:
    """Everything of a file that picking needs.

    Raises InputError: no such file, not of the kind its ending says, truncated, without a sample, or labels and
    traces of different shapes.
    """
    path = Path(path)
    regular_file(path)
    match path.suffix.lower():
        case ".npy" | ".npz":
            return _from_arrays(path)
        case ending if ending in SEGY_SUFFIXES:
            with open_segy(path) as file:
                return _from_traces(path, file)
        case ".su":
            return _from_su(path)
        case ending if ending in SEG2_SUFFIXES:
            line = read_seg2(path)
            return Recording(
                gathers=[line.gather_TR],
                interval=line.interval,
                start=line.start,
                traces=[np.arange(line.gather_TR.shape[1])],
                receivers=None if line.receiver_R is None else [line.receiver_R],
                sources=None if line.source is None else [line.source],
            )
        case ending:
            raise InputError(f"{path}: unknown ending {ending or 'none'!r}; allowed: {', '.join(GATHER_SUFFIXES)}")


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
    gathers_STR = shots[0].reshape(-1, *shots[0].shape[-2:]).astype(np.float32)
    intervals = [float(arrays[name]) for name in INTERVALS if name in arrays and arrays[name].size == 1]
    recording = Recording(
        gathers=list(gathers_STR),
        interval=intervals[0] if intervals else None,
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


def _from_su(path: Path) -> Recording:
    """Seismic Unix traces are SEG-Y traces without the headers of a file; the byte order is the writing machine's."""
    for endian in ("little", "big"):
        try:
            file = segyio.su.open(str(path), endian=endian, ignore_geometry=True)
        except (OSError, RuntimeError, ValueError, IndexError):
            continue
        with file:
            if not (file.tracecount and len(file.samples)):
                continue
            return _from_traces(path, file)
    raise InputError(f"{path}: not SU, truncated, or empty: its size is no multiple of the size of a trace")


def _from_traces(path: Path, file: Any) -> Recording:
    check_memory(path, 8 * file.tracecount * len(file.samples))
    shot, order = sorted_traces(file)
    traces = np.split(order, np.cumsum(np.bincount(shot))[:-1])
    values_NT = np.asarray(file.trace.raw[:], np.float32)
    receiver_N, source_N = _positions(file)
    delays = header(file, TraceField.DelayRecordingTime)
    return Recording(
        gathers=[np.ascontiguousarray(values_NT[numbers].T) for numbers in traces],
        interval=read_interval(file) or None,
        start=float(delays[0]) * 1e-3 if len(np.unique(delays)) == 1 else 0.0,
        traces=traces,
        receivers=None if receiver_N is None else [receiver_N[numbers] for numbers in traces],
        sources=None if source_N is None else [float(source_N[numbers[0]]) for numbers in traces],
    )


def _positions(file: Any) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
    """Of each trace's receiver and source along the line [m]; None: the receivers' are all the same, so not set."""
    scalar = header(file, TraceField.SourceGroupScalar).astype(np.float64)
    metres = np.where(scalar < 0, -1 / np.minimum(scalar, -1), np.maximum(scalar, 1))
    group = [header(file, field) for field in (TraceField.GroupX, TraceField.GroupY)]
    source = [header(file, field) for field in (TraceField.SourceX, TraceField.SourceY)]
    axis = int(np.ptp(group[1]) > np.ptp(group[0]))
    if np.ptp(group[axis]) == 0:
        return None, None
    return metres * group[axis], metres * source[axis]
