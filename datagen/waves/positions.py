"""Sources and receivers anywhere: on one node, or spread over the eight nearest nodes along each axis.

  0  ▽ · · · ▽ · · · ▽     on nodes evenly spaced over the whole width, or where the survey puts them
     ┌───────────────┐
z ↓  │ nz × nx nodes │   node (i, j) is at depth i h and distance j h
     └───────────────┘

    u(x) = Σₖ w(x − k) u(k),    w(x) = sinc(x) I₀(b √(1 − (x/r)²)) / I₀(b),    r = 4 cells, b = 6.31

Hicks 2002, Geophysics 67(1).  Less than four cells from an edge it is Lagrange's polynomial through the
outermost eight nodes (at a free surface: the sinc, mirrored), so that no tap is in the absorbing layer.
Sources and receivers use the same weights, so exchanging them still leaves the trace unchanged.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datagen.config import Data

REACH = 4  # cells on each side
KAISER = 6.31  # for waves of at least four cells
ON_NODE = 1e-6  # cells
MIRROR_TOLERANCE = 1.01  # cells of asymmetry: even spreads are rounded to nodes


@dataclass(frozen=True)
class Taps:
    """Consecutive nodes of each position P along one axis, and their weights."""

    first_P: NDArray[np.int64]
    weight_PK: NDArray[np.float64]

    @property
    def count(self) -> int:
        return int(self.weight_PK.shape[1])


@dataclass(frozen=True)
class Spread:
    """All positions of a survey."""

    source_depth: Taps
    source_distance_S: Taps
    receiver_depth: Taps
    receiver_distance_R: Taps


def spread(data: Data) -> Spread:
    """Taps of the sources and receivers of `data.survey`."""
    survey, spacing, nx = data.survey, data.grid.spacing, data.grid.nx
    depths = (np.array([depth / spacing]) for depth in (survey.source_depth, survey.receiver_depth))
    source_depth, receiver_depth = (taps(cells, data.grid.nz, mirrored=survey.free_surface) for cells in depths)
    sources_S, receivers_R = distances(data)
    return Spread(source_depth, taps(sources_S, nx), receiver_depth, taps(receivers_R, nx))


def distances(data: Data) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far the sources [S] and the receivers [R] of `data.survey` are from the left edge, in cells."""
    survey, spacing, nx = data.survey, data.grid.spacing, data.grid.nx
    return (
        _cells(survey.source_positions, survey.shots, nx, spacing),
        _cells(survey.receiver_positions, survey.receivers, nx, spacing),
    )


def asymmetry(data: Data) -> float:
    """How far the survey of `data` is from its own mirror image in x: the largest shift of a position, in cells.

    Positions are mirrored together with their order: 0 means that the last shot at the last receiver is the first
    shot at the first receiver of the mirrored ground.
    """
    return max(float(np.abs(cells + cells[::-1] - (data.grid.nx - 1)).max()) for cells in distances(data))


def _cells(positions: tuple[float, ...], count: int, nx: int, spacing: float) -> NDArray[np.float64]:
    if positions:
        return np.array(positions) / spacing
    if count == 1:
        return np.array([np.rint((nx - 1) / 2)])
    return np.asarray(np.rint(np.linspace(0, nx - 1, count)))


def taps(cells_P: NDArray[np.float64], nodes: int, *, mirrored: bool = False) -> Taps:
    """One tap each if all positions, in cells, are nodes; else eight.

    The axis has `nodes` nodes.  `mirrored`: the field beyond node 0 is minus that within.
    """
    nearest_P = np.rint(cells_P)
    if np.all(np.abs(cells_P - nearest_P) < ON_NODE):
        return Taps(nearest_P.astype(np.int64), np.ones((len(cells_P), 1)))
    first_P, weight_PK = np.floor(cells_P).astype(np.int64) - (REACH - 1), np.empty((len(cells_P), 2 * REACH))
    for position, cells in enumerate(cells_P):
        first = int(first_P[position])
        inner = min(max(first, 0), nodes - 2 * REACH)
        weight_K = _sinc(cells - (first + np.arange(2 * REACH)))
        if first < 0 and mirrored:
            weight_K = _folded(first, weight_K)
        elif first != inner:
            weight_K = _lagrange(cells - inner)
        first_P[position], weight_PK[position] = inner, weight_K
    return Taps(first_P, weight_PK)


def _sinc(away_K: NDArray[np.float64]) -> NDArray[np.float64]:
    window_K = np.i0(KAISER * np.sqrt(np.maximum(0, 1 - (away_K / REACH) ** 2))) / np.i0(KAISER)
    return np.asarray(np.sinc(away_K) * window_K)


def _folded(first: int, weight_K: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights from node 0 on: those of the nodes above it count negatively at their mirror images."""
    folded_K = np.zeros_like(weight_K)
    for node, weight in enumerate(weight_K, start=first):
        folded_K[abs(node)] += weight if node > 0 else -weight
    return folded_K


def _lagrange(cells: float) -> NDArray[np.float64]:
    """The polynomial through nodes 0 … 7, evaluated at `cells`."""
    nodes = np.arange(2 * REACH)
    others = [np.delete(nodes, node) for node in nodes]
    return np.array([np.prod((cells - o) / (node - o)) for node, o in zip(nodes, others, strict=True)])
