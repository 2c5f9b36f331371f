"""Water on top of a section: a gently undulating sea floor, and the sound speed of the sea.

floor(x) = W + a sin(2π k x / L + φ),      |slope| ≤ tan(5°),   within `geology.water_depth` everywhere

A share of the models, 1 − `geology.marine`, has none.
"""

import numpy as np
from numpy.typing import NDArray

from datagen.config import Geology, Grid

STEEPEST = np.tan(np.deg2rad(5.0))  # continental slopes have 3° to 6° (Kennett 1982), everything else less
CYCLES = (0.3, 1.5)  # waves across the section


def draw_water(grid: Grid, geology: Geology, rng: np.random.Generator) -> tuple[NDArray[np.float64], float]:
    """Depth of the sea floor [X] in m, zero on land, and velocity of the water in m/s."""
    shallowest, deepest = geology.water_depth
    velocity = rng.uniform(*geology.water_velocity)
    middle, relief, phase = rng.uniform(shallowest, deepest), rng.random(), rng.uniform(0.0, 2 * np.pi)
    wavenumber = 2 * np.pi * rng.uniform(*CYCLES) / (grid.nx * grid.spacing)
    amplitude = relief * min(middle - shallowest, deepest - middle, STEEPEST / wavenumber)
    floor_X = middle + amplitude * np.sin(wavenumber * np.arange(grid.nx) * grid.spacing + phase)
    return floor_X if rng.random() < geology.marine else np.zeros(grid.nx), velocity
