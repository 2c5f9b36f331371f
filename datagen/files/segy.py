"""SEG-Y through segyio: velocity models, and shot gathers sorted by shot and receiver from the trace headers.

IBM and IEEE floats, both byte orders.  Nothing is assumed about a file's geometry or the order of its traces.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import segyio
from numpy.typing import NDArray
from segyio import TraceField

from datagen.errors import InputError
from datagen.files.regular_files import check_memory, regular_file

SEGY_SUFFIXES = (".sgy", ".segy")
FORMAT_CODE = 3224  # offset, from 0, of the two bytes with the number format
FORMATS = range(1, 17)
TRACE_MEMORY = 100  # bytes per trace, of the header words that are read


def open_segy(path: Path) -> Any:
    """The file for reading.  Raises InputError: no such file, no SEG-Y, truncated, or too many traces."""
    regular_file(path)
    try:
        with open(path, "rb") as stream:
            stream.seek(FORMAT_CODE)
            code = stream.read(2)
        endian = "big" if int.from_bytes(code, "big") in FORMATS else "little"
        if int.from_bytes(code, endian) not in FORMATS:  # type: ignore[arg-type]
            raise InputError(f"{path}: not SEG-Y, the binary header has no number format from 1 to 16")
        file = segyio.open(path, ignore_geometry=True, endian=endian)
    except (OSError, RuntimeError, ValueError, IndexError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: not SEG-Y, or truncated: {error}") from None
    try:
        check_memory(path, TRACE_MEMORY * file.tracecount)
    except InputError:
        file.close()
        raise
    return file


def read_segy_model(path: Path) -> tuple[NDArray[np.float32], str]:
    """Values and order of the axes: `zx`, or `zyx` where headers number inlines (y) and crosslines (x).

    Raises InputError as `open_segy`, and if a trace of the cube is missing or duplicated.
    """
    with open_segy(path) as file:
        check_memory(path, 8 * file.tracecount * len(file.samples))
        inline, crossline = (header(file, field) for field in (TraceField.INLINE_3D, TraceField.CROSSLINE_3D))
        values = np.asarray(file.trace.raw[:], np.float32)  # [trace, z]
    lines, y = np.unique(inline, return_inverse=True)
    crosses, x = np.unique(crossline, return_inverse=True)
    if len(lines) == 1 or len(crosses) == 1 or (len(lines) == len(values) and len(crosses) == len(values)):
        return values.T, "zx"
    count = np.bincount(y * len(crosses) + x, minlength=len(lines) * len(crosses))
    if (count != 1).any():
        wrong = int(np.argmax(count != 1))
        raise InputError(
            f"{path}: {count[wrong]} traces at inline {lines[wrong // len(crosses)]}, crossline "
            f"{crosses[wrong % len(crosses)]}; a cube has one at each of its {len(lines)} × {len(crosses)} places"
        )
    order = np.lexsort((x, y))
    return values[order].reshape(len(lines), len(crosses), -1).transpose(2, 0, 1), "zyx"


class SegyGathers:
    """Shot gathers of some files as samples `[S, T, R]`: `shots` neighbouring shots of `receivers` traces each.

    Shots are identified, and ordered, by FieldRecord, or by the source's position if that is the same for all;
    receivers are ordered by position, TraceNumber or offset, the first that differs between all traces of a shot
    throughout the file.

    Raises InputError: a file as in `open_segy`, a shot with another number of traces, files of different
    sampling, or a number of shots that is no multiple of `shots`.
    """

    def __init__(self, files: Sequence[Path], shots: int, receivers: int) -> None:
        self.files = tuple(files)
        tables = [_shot_table(path, receivers) for path in files]
        self._file = np.repeat(np.arange(len(files)), [len(table) for table, _, _ in tables])
        self._traces = np.concatenate([table for table, _, _ in tables])  # [shot, R] number in the file
        samples, intervals = {length for _, length, _ in tables}, {interval for _, _, interval in tables}
        if len(samples) > 1 or len(intervals) > 1:
            raise InputError(
                f"{files[0].parent}: SEG-Y files of {sorted(samples)} samples and intervals of {sorted(intervals)} s; "
                "all must be alike"
            )
        if len(self._traces) % shots:
            raise InputError(
                f"{files[0]}: {len(self._traces)} shots in all are no multiple of data.survey.shots, {shots}; "
                "set data.survey.shots, 1 makes each shot a sample"
            )
        self.shots, self.samples = shots, len(self._traces) // shots
        self.shape: tuple[int, ...] = (shots, samples.pop(), receivers)
        self.interval: float | None = intervals.pop() or None  # [s], None if it is not in the headers

    def read(self, first: int, count: int) -> NDArray[np.float32]:
        """Samples `first` … as `[count, S, T, R]`."""
        gathers = []
        chosen = slice(first * self.shots, (first + count) * self.shots)
        for number, traces_R in zip(self._file[chosen], self._traces[chosen], strict=True):
            with open_segy(self.files[number]) as file:
                gathers.append(np.stack([file.trace.raw[int(trace)] for trace in traces_R], axis=-1))
        return np.stack(gathers).astype(np.float32).reshape(count, *self.shape)

    def name(self, sample: int) -> str:
        """Where a sample comes from, for messages."""
        return f"{self.files[self._file[sample * self.shots]]}, sample {sample}"


def _shot_table(path: Path, receivers: int) -> tuple[NDArray[np.int64], int, float]:
    """Traces of each shot in the order of receivers [shot, R], time samples, interval [s] (0: not set)."""
    with open_segy(path) as file:
        record = header(file, TraceField.FieldRecord)
        shot, order = sorted_traces(file)
        samples, interval = len(file.samples), read_interval(file)
    count = np.bincount(shot)
    wrong = np.flatnonzero(count != receivers)
    if len(wrong):
        listed = ", ".join(f"shot {_shot_name(record, shot, each)} has {count[each]}" for each in wrong[:5])
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise InputError(
            f"{path}: {listed}{more} traces; each of its {len(count)} shots must have data.survey.receivers, "
            f"{receivers}; set data.survey.receivers, or fix the file"
        )
    return order.reshape(-1, receivers), samples, interval


def sorted_traces(file: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The shot of each trace, 0 …, and all traces in the order of shots and receivers; see `SegyGathers`."""
    record, sx, sy, gx, gy, number, offset = (
        header(file, field)
        for field in (
            TraceField.FieldRecord,
            TraceField.SourceX,
            TraceField.SourceY,
            TraceField.GroupX,
            TraceField.GroupY,
            TraceField.TraceNumber,
            TraceField.offset,
        )
    )
    label = np.stack([record, np.zeros_like(record)] if len(np.unique(record)) > 1 else along(sx, sy))
    shot = np.unique(label, axis=1, return_inverse=True)[1].ravel()
    for keys in (along(gx, gy), [number], [offset]):
        places = np.stack([shot, *keys])
        if np.unique(places, axis=1).shape[1] == places.shape[1]:
            return shot, np.lexsort((*reversed(keys), shot))
    return shot, np.argsort(shot, kind="stable")


def read_interval(file: Any) -> float:
    """[s] between time samples; 0: not in the headers."""
    return float(header(file, TraceField.TRACE_SAMPLE_INTERVAL)[0] or file.bin[segyio.BinField.Interval]) * 1e-6


def _shot_name(record: NDArray[np.int64], shot: NDArray[np.int64], which: int) -> str:
    return f"{int(record[shot == which][0])}" if len(np.unique(record)) > 1 else f"number {which + 1}"


def along(x: NDArray[np.int64], y: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Coordinates, first the one along which the line runs."""
    return [x, y] if np.ptp(x) >= np.ptp(y) else [y, x]


def header(file: Any, field: int) -> NDArray[np.int64]:
    """A word of the trace headers, of all traces."""
    return np.asarray(file.attributes(field)[:], np.int64)
