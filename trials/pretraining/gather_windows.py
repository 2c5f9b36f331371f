"""Which windows of recorded gathers pretraining uses, and what is wrong with files that it cannot use.

gathers [S, T, R] ─ windows of `columns` neighbouring receivers, evenly overlapping ─ at least half of them alive
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

FEWEST = 8  # samples
NARROWEST = 8  # receivers
LEAST_ALIVE = 0.5  # share of the traces of a window

Gathers = NDArray[Any]


def broken_and_dead(gathers_STR: Gathers) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Traces with values that are not finite, and those without any change, `[S, R]` each."""
    broken_SR = np.isfinite(gathers_STR).sum(1) < gathers_STR.shape[1]
    return broken_SR, (gathers_STR.max(axis=1) == gathers_STR.min(axis=1)) & ~broken_SR


def windows(silent_SR: NDArray[np.bool_], columns: int) -> Iterator[tuple[slice, NDArray[np.bool_]]]:
    """The receivers of each window, and which gathers [S] are alive in it; together they cover all receivers."""
    receivers = silent_SR.shape[1]
    count = -(-receivers // columns)
    for number in range(count):
        first = round(number * (receivers - columns) / max(1, count - 1))
        part = slice(first, first + columns)
        yield part, (~silent_SR[:, part]).mean(1) >= LEAST_ALIVE


def unsuited(blocks: Sequence[Gathers], interval: float | None, columns: int | None) -> list[str]:
    """What is wrong with the gathers of a file, `[S, T, R]` each, for windows of `columns` receivers, in words."""
    columns = columns or blocks[0].shape[2]
    narrowest = min(each.shape[2] for each in blocks)
    wrong = []
    if narrowest < columns or columns < NARROWEST:
        wrong.append(
            f"a gather of {narrowest} traces; pretraining sees {max(columns, NARROWEST)} side by side: lower "
            "pretrain.columns (not below 8), or leave this file out of pretrain.gathers"
        )
    if interval is None:
        wrong.append("has no sampling interval; set pretrain.npy_interval, in seconds")
    return wrong


def usable(blocks: Sequence[Gathers], columns: int) -> int:
    """How many windows of gathers `[S, T, R]` there are."""
    silent = (np.logical_or(*broken_and_dead(each)) for each in blocks if each.shape[2] >= columns)
    return sum(int(alive_S.sum()) for each_SR in silent for _, alive_S in windows(each_SR, columns))


def too_few(count: int) -> list[str]:
    """What is wrong with so few windows, if anything, in words."""
    if count >= FEWEST:
        return []
    return [f"{count} usable gathers, at least {FEWEST} are needed; add files to pretrain.gathers, or check these"]
