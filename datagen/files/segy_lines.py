"""SEG-Y shots as 2-D lines with their positions, from 2-D and 3-D surveys.

3-D survey, seen from above        source ✱ of a line and the receivers ▽ nearest to that line: a 2-D line

y ▲  ▽ ▽ ▽ ▽ ▽ ▽                   along    x (or y) in 3-D, the line itself in 2-D, whatever its azimuth
  │  ▽ ▽✱▽ ▽✱▽ ▽  ─► line 2        cross    the other one; it orders the lines
  │  ▽ ▽ ▽ ▽ ▽ ▽
  │  ▽✱▽ ▽✱▽ ▽ ▽  ─► line 1        Waves from beside the line are in the data too: a 2-D image of
  └────────────► x                 3-D ground is right where the ground changes little across the line.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import segyio
from numpy.typing import NDArray
from segyio import TraceField

from datagen.errors import InputError
from datagen.files.segy import open_segy

SAME_PLACE = 1.0  # [m] headers hold integers
FIELDS = {
    "record": TraceField.FieldRecord,
    "sx": TraceField.SourceX,
    "sy": TraceField.SourceY,
    "gx": TraceField.GroupX,
    "gy": TraceField.GroupY,
    "scalar": TraceField.SourceGroupScalar,
    "delay": TraceField.DelayRecordingTime,
}


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where samples N were recorded, in metres; `origin_N` + along · `direction` are the coordinates of the headers."""

    sources_NS: NDArray[np.float64]  # along the line
    receivers_NSR: NDArray[np.float64]
    cross_N: NDArray[np.float64]
    direction: NDArray[np.float64]  # [x, y] of length 1
    normal: NDArray[np.float64]

    @property
    def cube(self) -> bool:
        """Whether each sample is one of several parallel lines."""
        return len(self.cross_N) > 1 and bool((np.diff(self.cross_N) > SAME_PLACE).all())

    def coordinates(self, sample: int, along_X: NDArray[np.float64]) -> NDArray[np.float64]:
        """x and y `[X, 2]` of places on a sample's line."""
        return np.asarray(along_X[:, None] * self.direction + self.cross_N[sample] * self.normal)


class SegyLines:
    """Samples `[S, T, R]` of SEG-Y files: `shots` shots of a line each, sources and receivers in order along it.

    Shots are identified by FieldRecord, or by the source's position if that is the same for all.

    Raises InputError: a file as in `open_segy`, no positions in the headers, shots with different numbers of
    receivers, or a line whose shots are no multiple of `shots`.
    """

    def __init__(self, files: Sequence[Path], shots: int, receivers: int) -> None:
        self.files = tuple(files)
        table, self._samples, self.interval, self.delay = _headers(self.files)
        self._number_N, self._trace_N = table["file"], table["trace"]
        source_N2, receiver_N2 = (np.stack([table[f"{end}x"], table[f"{end}y"]], -1) for end in "sg")
        shot_N = _number_shots(table)
        for axes in _directions(source_N2, receiver_N2):
            chosen_SR = _on_line(shot_N, source_N2 @ axes.T, receiver_N2 @ axes.T, files[0])
            if chosen_SR.shape[1] == receivers:
                break
        first_S = chosen_SR[:, 0]
        order_S = _in_lines(shot_N[first_S], source_N2[first_S] @ axes.T, shots, files[0])
        self._chosen_NSR = chosen_SR[order_S].reshape(-1, shots, chosen_SR.shape[1])
        self.samples = len(self._chosen_NSR)
        self.shape = (shots, self._samples, chosen_SR.shape[1])
        source_NS2 = source_N2[self._chosen_NSR[..., 0]] @ axes.T
        self.places = Places(
            sources_NS=source_NS2[..., 0],
            receivers_NSR=(receiver_N2 @ axes[0])[self._chosen_NSR],
            cross_N=source_NS2[..., 1].mean(axis=1),
            direction=axes[0],
            normal=axes[1],
        )

    def read(self, first: int, count: int) -> NDArray[np.float32]:
        """Samples `first` … as `[count, S, T, R]`."""
        chosen = self._chosen_NSR[first : first + count]
        traces_MT = np.empty((chosen.size, self._samples), np.float32)
        number_M, trace_M = self._number_N[chosen.ravel()], self._trace_N[chosen.ravel()]
        for number in np.unique(number_M):
            with open_segy(self.files[number]) as file:
                for row in np.flatnonzero(number_M == number):
                    traces_MT[row] = file.trace.raw[int(trace_M[row])]
        return traces_MT.reshape(*chosen.shape, -1).swapaxes(-1, -2)

    def name(self, sample: int) -> str:
        """Where a sample comes from, for messages."""
        return f"{self.files[self._number_N[self._chosen_NSR[sample, 0, 0]]]}, sample {sample}"


def has_positions(path: Path) -> bool:
    """Whether a SEG-Y file's headers hold positions of sources and receivers.  Raises as `open_segy`."""
    with open_segy(path) as file:
        sx, sy, gx, gy = (file.attributes(FIELDS[name])[:] for name in ("sx", "sy", "gx", "gy"))
        return bool((np.any(sx) or np.any(sy)) and (np.ptp(gx) or np.ptp(gy)))


def _headers(files: tuple[Path, ...]) -> tuple[dict[str, NDArray[Any]], int, float | None, float]:
    """Positions [m] and numbers of all traces; time samples, interval [s] and delay [s] of the records."""
    tables, sampling = [], set()
    for number, path in enumerate(files):
        with open_segy(path) as file:
            table: dict[str, NDArray[Any]] = {
                name: np.asarray(file.attributes(field)[:], np.float64) for name, field in FIELDS.items()
            }
            interval = (
                int(file.attributes(TraceField.TRACE_SAMPLE_INTERVAL)[0][0]) or file.bin[segyio.BinField.Interval]
            )
            sampling.add((len(file.samples), interval * 1e-6 or None, float(table["delay"][0]) * 1e-3))
        count = len(table["record"])
        table |= {"file": np.full(count, number), "trace": np.arange(count)}
        scalar = np.where(table["scalar"] == 0, 1, table["scalar"])
        factor = np.where(scalar > 0, scalar, -1 / scalar)
        tables.append(table | {name: table[name] * factor for name in ("sx", "sy", "gx", "gy")})
    if len(sampling) > 1:
        differing = sorted(sampling)
        raise InputError(f"{files[0].parent}: files of different samples, interval [s] and delay [s]: {differing}")
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}, *sampling.pop()


def _number_shots(table: dict[str, NDArray[Any]]) -> NDArray[np.int64]:
    """Number of the shot of each trace, in the order of FieldRecord."""
    names = ("file", "record") if len(np.unique(table["record"])) > 1 else ("file", "sx", "sy")
    _, shot_N = np.unique(np.stack([table[name] for name in names]), axis=1, return_inverse=True)
    return np.asarray(shot_N).ravel()


def _directions(source_N2: NDArray[np.float64], receiver_N2: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Possible rows (direction, normal): the line of a 2-D survey; x and y of a 3-D one."""
    points = np.concatenate([source_N2, receiver_N2])
    _, spread, axes = np.linalg.svd(np.unique(points, axis=0) - points.mean(0), full_matrices=False)
    along_x, along_y = np.eye(2), np.array([[0.0, 1.0], [1.0, 0.0]])
    if len(spread) < 2 or spread[1] / np.sqrt(len(points)) > SAME_PLACE:
        return [along_x, along_y]
    largest = axes[0][np.argmax(np.abs(axes[0]))]
    direction = axes[0] * np.sign(largest)  # coordinates grow along the line
    return [np.stack([direction, [-direction[1], direction[0]]])]


def _on_line(
    shot_N: NDArray[np.int64], source_N2: NDArray[np.float64], receiver_N2: NDArray[np.float64], file: Path
) -> NDArray[np.int64]:
    """Traces of each shot [shot, R] whose receivers are nearest to the shot's line, in order along it."""
    beside_N = np.abs(receiver_N2[:, 1] - source_N2[:, 1])
    nearest = np.full(shot_N.max() + 1, np.inf)
    np.minimum.at(nearest, shot_N, beside_N)
    kept = np.flatnonzero(beside_N <= nearest[shot_N] + SAME_PLACE)
    count = np.bincount(shot_N[kept])
    if (count != count[0]).any():
        wrong = int(np.argmax(count != np.bincount(count).argmax()))
        raise InputError(
            f"{file}: shot {wrong + 1} of {len(count)} has {count[wrong]} receivers on its line, most others "
            f"have {np.bincount(count).argmax()}; all must have the same number: fix the file"
        )
    order = np.lexsort((receiver_N2[kept, 0], shot_N[kept]))
    return np.asarray(kept[order].reshape(len(count), -1))


def _in_lines(shot_S: NDArray[np.int64], source_S2: NDArray[np.float64], shots: int, file: Path) -> NDArray[np.int64]:
    """The order of shots in which `shots` neighbours are a sample: line by line, then as recorded, then along it."""
    line_S = np.cumsum(np.diff(np.sort(source_S2[:, 1]), prepend=source_S2[:, 1].min()) > SAME_PLACE)
    line_S = line_S[np.argsort(np.argsort(source_S2[:, 1], kind="stable"), kind="stable")]
    for line, count in enumerate(np.bincount(line_S)):
        if count % shots:
            where = f" on line {line + 1} of {line_S.max() + 1}" if line_S.any() else ""
            raise InputError(f"{file}: {count} shots{where}, the bundle's survey has {shots}: no multiple of it")
    order = np.lexsort((shot_S, line_S))
    sample_S = np.repeat(np.arange(len(order) // shots), shots)
    return np.asarray(order[np.lexsort((source_S2[order, 0], sample_S))])
