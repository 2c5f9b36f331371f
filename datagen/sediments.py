"""Layered sediments: every cell is carried back to the depth at which its layer was laid down.

cell (z, x)  ── undo faults ──►  (z', x')  ── undo folds and dip ──►  depth s  ── layer ──►  velocity

faults   blocks slide rigidly along straight lines: hanging wall back by throw · (1, cot δ)
folds    z' = s + F(x') (½ + s / 2D),   F(x) = Σ aₖ sin(2π kₖ x / L + φₖ) + x tan(dip)
         so s = (z' − F/2) / (1 + F/2D): structure grows with depth
"""

import numpy as np
from numpy.typing import NDArray

from datagen.config import Geology, Grid

FOLD_HARMONICS = 3
FOLD_CYCLES = (0.4, 2.0)  # waves across the section, per harmonic
THICKNESS_SHAPE = 2.5  # of the gamma law: thin and thick beds side by side, few very thin ones
TREND_ENDS = 0.2  # the trend begins and ends at most this share of the range from the range's ends
STEEPEST_SQUEEZE = 0.9  # folds stop short of turning layers over (1 + F/2D must stay positive)

Field = NDArray[np.float64]


def draw_sediments(grid: Grid, geology: Geology, rng: np.random.Generator) -> Field:
    """Velocity of one random sedimentary section: `[z, x]` in m/s, within `geology.velocity`."""
    depth, width = grid.nz * grid.spacing, grid.nx * grid.spacing
    z_ZX, x_ZX = np.meshgrid(np.arange(grid.nz) * grid.spacing, np.arange(grid.nx) * grid.spacing, indexing="ij")
    tops, velocities = _draw_layers(geology, depth, rng)
    gradient = rng.uniform(*geology.gradient)
    fold = _Fold(geology, width, rng)
    for _ in range(rng.integers(*geology.faults, endpoint=True)):
        z_ZX, x_ZX = _undo_fault(z_ZX, x_ZX, geology, depth, width, rng)
    s_ZX = fold.undo(z_ZX, x_ZX, depth)
    layer_ZX = np.searchsorted(tops[1:], s_ZX, side="right")
    below_top_ZX = np.maximum(s_ZX - tops[layer_ZX], 0.0)
    return np.clip(velocities[layer_ZX] + gradient * below_top_ZX, *geology.velocity)


def _draw_layers(geology: Geology, depth: float, rng: np.random.Generator) -> tuple[Field, Field]:
    """Depth of the top [m] and velocity at the top [m/s] of each layer, from shallow to deep."""
    count = rng.integers(*geology.layers, endpoint=True)
    thickness = rng.gamma(THICKNESS_SHAPE, size=count)
    tops = depth * np.concatenate([[0.0], np.cumsum(thickness)[:-1]]) / thickness.sum()
    slowest, fastest = geology.velocity
    first, last = np.array([slowest, fastest]) + TREND_ENDS * (fastest - slowest) * rng.random(2) * [1, -1]
    trend = first + (last - first) * (np.arange(count) + rng.random(count)) / count
    return tops, trend + rng.normal(0.0, geology.velocity_scatter, size=count)


class _Fold:
    """F(x): how far the layers at mid depth are bent down at `x`."""

    def __init__(self, geology: Geology, width: float, rng: np.random.Generator) -> None:
        self.amplitude = width * rng.uniform(*geology.fold_amplitude, size=FOLD_HARMONICS)
        self.wavenumber = 2 * np.pi / width * rng.uniform(*FOLD_CYCLES, size=FOLD_HARMONICS)
        self.phase = rng.uniform(0.0, 2 * np.pi, size=FOLD_HARMONICS)
        self.slope = np.tan(np.deg2rad(rng.uniform(*geology.dip)))
        self.centre = width / 2

    def undo(self, z_ZX: Field, x_ZX: Field, depth: float) -> Field:
        bend_ZX = self.slope * (x_ZX - self.centre)
        for amplitude, wavenumber, phase in zip(self.amplitude, self.wavenumber, self.phase, strict=True):
            bend_ZX = bend_ZX + amplitude * np.sin(wavenumber * x_ZX + phase)
        half_ZX = np.clip(bend_ZX / (2 * depth), -STEEPEST_SQUEEZE, STEEPEST_SQUEEZE)
        unfolded_ZX: Field = (z_ZX - half_ZX * depth) / (1 + half_ZX)
        return unfolded_ZX


def _undo_fault(
    z_ZX: Field, x_ZX: Field, geology: Geology, depth: float, width: float, rng: np.random.Generator
) -> tuple[Field, Field]:
    """Slide the hanging wall of one random normal or reverse fault back to where it came from."""
    z0, x0 = depth * rng.uniform(0.3, 0.7), width * rng.uniform(0.15, 0.85)  # a point of the fault line
    throw = depth * rng.uniform(*geology.fault_throw)
    cot = 1 / np.tan(np.deg2rad(rng.uniform(*geology.fault_dip)))
    towards = rng.choice([-1.0, 1.0])  # x direction in which the fault deepens
    moved = rng.choice([-1.0, 1.0])  # +1 normal: the hanging wall went down; −1 reverse: up
    hanging_ZX = towards * (x_ZX - x0) > cot * (z_ZX - z0)
    return (
        np.where(hanging_ZX, z_ZX - moved * throw, z_ZX),
        np.where(hanging_ZX, x_ZX - moved * towards * throw * cot, x_ZX),
    )
