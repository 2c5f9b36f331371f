"""Shots as 2-D lines with their positions, from 2-D and 3-D surveys.

3-D survey, seen from above        source ✱ of a line and the receivers ▽ nearest to that line: a 2-D line

y ▲  ▽ ▽ ▽ ▽ ▽ ▽                   along    x (or y) in 3-D, the line itself in 2-D, whatever its azimuth
  │  ▽ ▽✱▽ ▽✱▽ ▽  ─► line 2        cross    the other one; it orders the lines
  │  ▽ ▽ ▽ ▽ ▽ ▽
  │  ▽✱▽ ▽✱▽ ▽ ▽  ─► line 1        Waves from beside the line are in the data too: a 2-D image of
  └────────────► x                 3-D ground is right where the ground changes little across the line.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datagen.traces.shots import SURVEY, number_shots, of_one_size
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


def choose_lines(table: TraceTable, shots: int, receivers: int) -> tuple[Indices, Places, list[str]]:
    """Traces [N, S, R] of samples of `shots` shots of a line each, sources and receivers in order along it.

    `receivers` tells lines along x from those along y; if neither fits, the longer ones count.  What is wrong comes
    last: shots with different numbers of receivers, of which the rarer are left out, or a line whose shots are no
    multiple of `shots`.  Then each shot is a sample, so that what else the headers say can be compared.
    """
    shot_N = number_shots(table)
    tried = [(*_on_line(table, shot_N, axes), axes) for axes in directions(table.source_N2, table.receiver_N2)]
    chosen_SR, problems, axes = max(tried, key=lambda each: (each[0].shape[1] == receivers, each[0].shape[1]))
    each_S = np.unique(shot_N, return_index=True)[1]
    problems += _no_multiples(_lines(table.source_N2[each_S] @ axes[1]), shots)
    shots = 1 if problems else shots
    first_S = chosen_SR[:, 0]
    order_S = _in_lines(shot_N[first_S], table.source_N2[first_S] @ axes.T, shots)
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
    return chosen_NSR, places, problems


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


def _on_line(table: TraceTable, shot_N: Indices, axes: Numbers) -> tuple[Indices, list[str]]:
    """Traces of each shot [shot, R] whose receivers are nearest to the shot's line, in order along it.

    Shots with another number of them than most are left out, and are told.
    """
    along_N, across_N = axes @ table.receiver_N2.T
    beside_N = np.abs(across_N - table.source_N2 @ axes[1])
    nearest = np.full(shot_N.max() + 1, np.inf)
    np.minimum.at(nearest, shot_N, beside_N)
    near = np.flatnonzero(beside_N <= nearest[shot_N] + SAME_PLACE)
    kept, problems = of_one_size(table, shot_N, near, " on its line")
    order = np.lexsort((along_N[kept], shot_N[kept]))
    return kept[order].reshape(len(np.unique(shot_N[kept])), -1), problems


def _lines(across_S: Numbers) -> Indices:
    """The line of each shot, 0 …, in their order across."""
    line_S = np.cumsum(np.diff(np.sort(across_S), prepend=across_S.min()) > SAME_PLACE)
    return np.asarray(line_S[np.argsort(np.argsort(across_S, kind="stable"), kind="stable")])


def _no_multiples(line_S: Indices, shots: int) -> list[str]:
    """The lines whose shots are no multiple of `shots`, in words."""
    lines = int(line_S.max()) + 1
    return [
        f"shots: {count} in the file{f' on line {line + 1} of {lines}' if lines > 1 else ''}, no multiple of the "
        f"{shots} in {SURVEY}"
        for line, count in enumerate(np.bincount(line_S))
        if count % shots
    ]


def _in_lines(shot_S: Indices, source_S2: Numbers, shots: int) -> Indices:
    """The order of shots in which `shots` neighbours are a sample: line by line, then as recorded, then along it."""
    order = np.lexsort((shot_S, _lines(source_S2[:, 1])))
    sample_S = np.repeat(np.arange(len(order) // shots), shots)
    return np.asarray(order[np.lexsort((source_S2[order, 0], sample_S))])
