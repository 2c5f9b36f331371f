"""Shots as 2-D lines with their positions, from 2-D and 3-D surveys.

3-D survey, seen from above        source ✱ of a line and the receivers ▽ nearest to that line: a 2-D line

y ▲  ▽ ▽ ▽ ▽ ▽ ▽                   along    x (or y) in 3-D, the line itself in 2-D, whatever its azimuth
  │  ▽ ▽✱▽ ▽✱▽ ▽  ─► line 2        cross    the other one; it orders the lines
  │  ▽ ▽ ▽ ▽ ▽ ▽
  │  ▽✱▽ ▽✱▽ ▽ ▽  ─► line 1        Waves from beside the line are in the data too: a 2-D image of
  └────────────► x                 3-D ground is right where the ground changes little across the line.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datagen.errors import InputError
from datagen.traces.shots import number_shots
from datagen.traces.trace_table import Indices, Numbers, TraceTable

SAME_PLACE = 1.0  # [m] headers hold integers


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where samples N were recorded, in metres; `origin_N` + along · `direction` are the coordinates of the headers."""

    sources_NS: NDArray[np.float64]  # along the line
    receivers_NSR: NDArray[np.float64]
    cross_N: NDArray[np.float64]
    direction: NDArray[np.float64]  # [x, y] of length 1
    normal: NDArray[np.float64]
    heights: tuple[float, float] = (0.0, 0.0)  # lowest and highest of the surface along it

    @property
    def cube(self) -> bool:
        """Whether each sample is one of several parallel lines."""
        return len(self.cross_N) > 1 and bool((np.diff(self.cross_N) > SAME_PLACE).all())

    def coordinates(self, sample: int, along_X: NDArray[np.float64]) -> NDArray[np.float64]:
        """x and y `[X, 2]` of places on a sample's line."""
        return np.asarray(along_X[:, None] * self.direction + self.cross_N[sample] * self.normal)


def choose_lines(table: TraceTable, shots: int, receivers: int, shots_wanted: str) -> tuple[Indices, Places]:
    """Traces [N, S, R] of samples of `shots` shots of a line each, sources and receivers in order along it.

    `receivers` tells lines along x from those along y; `shots_wanted` names the number of shots in messages.

    Raises InputError: shots with different numbers of receivers, or a line whose shots are no multiple of `shots`.
    """
    file, shot_N = table.files[0], number_shots(table)
    for axes in directions(table.source_N2, table.receiver_N2):
        chosen_SR = _on_line(shot_N, table.source_N2 @ axes.T, table.receiver_N2 @ axes.T, file)
        if chosen_SR.shape[1] == receivers:
            break
    first_S = chosen_SR[:, 0]
    order_S = _in_lines(shot_N[first_S], table.source_N2[first_S] @ axes.T, shots, file, shots_wanted)
    chosen_NSR = chosen_SR[order_S].reshape(-1, shots, chosen_SR.shape[1])
    source_NS2 = table.source_N2[chosen_NSR[..., 0]] @ axes.T
    places = Places(
        sources_NS=source_NS2[..., 0],
        receivers_NSR=(table.receiver_N2 @ axes[0])[chosen_NSR],
        cross_N=source_NS2[..., 1].mean(axis=1),
        direction=axes[0],
        normal=axes[1],
        heights=_heights(table, chosen_NSR),
    )
    return chosen_NSR, places


def directions(source_N2: Numbers, receiver_N2: Numbers) -> list[Numbers]:
    """Possible rows (direction, normal): the line of a 2-D survey; x and y of a 3-D one."""
    points = np.unique(np.concatenate([source_N2, receiver_N2]), axis=0)
    _, spread, axes = np.linalg.svd(points - points.mean(0), full_matrices=False)
    along_x, along_y = np.eye(2), np.array([[0.0, 1.0], [1.0, 0.0]])
    if len(spread) < 2 or spread[1] / np.sqrt(len(points)) > SAME_PLACE:
        return [along_x, along_y]
    largest = axes[0][np.argmax(np.abs(axes[0]))]
    direction = axes[0] * np.sign(largest)  # coordinates grow along the line
    return [np.stack([direction, [-direction[1], direction[0]]])]


def _heights(table: TraceTable, chosen_NSR: Indices) -> tuple[float, float]:
    """Of receivers and sources, where these are set."""
    sets = [heights[chosen_NSR] for heights in (table.receiver_height_N, table.source_height_N) if heights.any()]
    return (min(float(each.min()) for each in sets), max(float(each.max()) for each in sets)) if sets else (0.0, 0.0)


def _on_line(shot_N: Indices, source_N2: Numbers, receiver_N2: Numbers, file: Path) -> Indices:
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


def _in_lines(shot_S: Indices, source_S2: Numbers, shots: int, file: Path, shots_wanted: str) -> Indices:
    """The order of shots in which `shots` neighbours are a sample: line by line, then as recorded, then along it."""
    line_S = np.cumsum(np.diff(np.sort(source_S2[:, 1]), prepend=source_S2[:, 1].min()) > SAME_PLACE)
    line_S = line_S[np.argsort(np.argsort(source_S2[:, 1], kind="stable"), kind="stable")]
    for line, count in enumerate(np.bincount(line_S)):
        if count % shots:
            where = f" on line {line + 1} of {line_S.max() + 1}" if line_S.any() else ""
            raise InputError(f"{file}: {count} shots{where}, {shots_wanted} {shots}: no multiple of it")
    order = np.lexsort((shot_S, line_S))
    sample_S = np.repeat(np.arange(len(order) // shots), shots)
    return np.asarray(order[np.lexsort((source_S2[order, 0], sample_S))])
