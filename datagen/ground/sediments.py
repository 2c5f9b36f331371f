"""Layered sediments: every cell is traced back to the depth at which its layer was deposited.

cell (z, x)  ── undo faults ──►  (z', x')  ── undo folds and dip ──►  depth s  ── column at s + top ──►  velocity

faults   blocks slide rigidly along straight lines: hanging wall back by throw · (1, cot δ)
folds    z' = s + F(x') (½ + s / 2D),   F(x) = Σ aₖ sin(2π kₖ x / L + φₖ) + x tan(dip)
         so s = (z' − F/2) / (1 + F/2D): structure grows with depth
top      the section is a window of a taller column: what lay above was eroded
"""

import numpy as np
from numpy.typing import NDArray

from datagen.config import Geology, Grid
from datagen.ground.layers import add_thin_beds, draw_column

FOLD_HARMONICS = 3
FOLD_CYCLES = (0.4, 2.0)  # waves across the section, per harmonic
STEEPEST_SQUEEZE = 0.9  # folds stop short of turning layers over (1 + F/2D must stay positive)

Field = NDArray[np.float64]


def draw_sediments(grid: Grid, geology: Geology, rng: np.random.Generator, surface: float = 0.0) -> Field:
    """Velocity of one random sedimentary section: `[z, x]` in m/s, within `geology.velocity`.

    The section begins at `surface` metres.  Layers, thin beds, folds, faults and the window each have a random stream.
    """
    depth, width = grid.nz * grid.spacing, grid.nx * grid.spacing
    for_layers, for_beds, for_folds, for_faults, for_window = rng.spawn(5)
    z_ZX = (
        np.arange(grid.nz, dtype=np.float64)[:, None] * grid.spacing - surface
    )  # [Z, 1] and [1, X] until a fault mixes them
    x_ZX = np.arange(grid.nx, dtype=np.float64)[None, :] * grid.spacing
    z_ZX, x_ZX = _undo_faults(z_ZX, x_ZX, geology, depth, width, for_faults)
    s_ZX = _Fold(geology, width, for_folds).undo(z_ZX, x_ZX, depth)
    taller = for_window.uniform(*geology.taller)
    top = taller * for_window.random()
    sections = (depth + taller) / depth
    column = draw_column(geology, depth + taller, for_layers, sections)
    return add_thin_beds(column, geology, depth + taller, for_beds, sections).velocity(s_ZX + top)


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


def _undo_faults(
    z_ZX: Field, x_ZX: Field, geology: Geology, depth: float, width: float, rng: np.random.Generator
) -> tuple[Field, Field]:
    """Slide the hanging walls of a random number of faults, all normal or all reverse, back to where they came from."""
    reverse = rng.random() < geology.reverse_faults  # one stress field per section
    dips, moved = (geology.reverse_fault_dip, -1.0) if reverse else (geology.fault_dip, 1.0)
    for _ in range(rng.integers(*geology.faults, endpoint=True)):
        z0, x0 = depth * rng.uniform(0.3, 0.7), width * rng.uniform(0.15, 0.85)  # a point of the fault line
        throw = depth * rng.uniform(*geology.fault_throw)
        cot = 1 / np.tan(np.deg2rad(rng.uniform(*dips)))
        towards = rng.choice([-1.0, 1.0])  # x direction in which the fault deepens
        hanging_ZX = towards * (x_ZX - x0) > cot * (z_ZX - z0)
        z_ZX = np.where(hanging_ZX, z_ZX - moved * throw, z_ZX)
        x_ZX = np.where(hanging_ZX, x_ZX - moved * towards * throw * cot, x_ZX)
    return z_ZX, x_ZX
