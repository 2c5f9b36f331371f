"""The column of layers as they were laid down: velocity as a function of the depth s below the surface.

    v(s) = uᵢ + k s    where  tᵢ ≤ s < tᵢ₊₁          tᵢ tops, uᵢ one a layer, k gradient

thickness    tᵢ₊₁ − tᵢ from a gamma law, scaled to fill the section
velocity     uᵢ scatter around a rise and are put in order; an inversion is a run of them read backwards
thin beds    layers of a few metres, faster or slower than what they lie in
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datagen.config import Geology

TREND_ENDS = 0.2  # the rise begins and ends at most this share of the limits from either of them
STEADY_SHARE = 0.8  # of the rise at most is the gradient's; the rest are steps between layers

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Column:
    """Layers from shallow to deep; the first begins at 0 m, the last never ends."""

    tops: Array  # [m]
    velocities: Array  # [m/s] u
    gradient: float  # [1/s]
    limits: tuple[float, float]  # [m/s]

    def velocity(self, s: Array) -> Array:
        """At the depths `s` [m], of any shape; above the surface is the first layer."""
        layer = np.searchsorted(self.tops[1:], s, side="right")
        return np.clip(self.velocities[layer] + self.gradient * np.maximum(s, 0.0), *self.limits)


def draw_column(geology: Geology, depth: float, rng: np.random.Generator) -> Column:
    """A random column that fills `depth` metres."""
    count = rng.integers(*geology.layers, endpoint=True)
    thickness = rng.gamma(geology.thickness_shape, size=count)
    tops = depth * np.concatenate([[0.0], np.cumsum(thickness)[:-1]]) / thickness.sum()
    slowest, fastest = geology.velocity
    first, last = np.array([slowest, fastest]) + TREND_ENDS * (fastest - slowest) * rng.random(2) * [1, -1]
    gradient = min(rng.uniform(*geology.gradient), STEADY_SHARE * (last - first) / depth)
    steady = gradient * depth
    rise = first + (last - steady - first) * (np.arange(count) + rng.random(count)) / count
    scattered = np.clip(rise + rng.normal(0.0, geology.velocity_scatter, size=count), slowest, fastest - steady)
    velocities = _with_inversions(np.sort(scattered), rng.random(count) < geology.inversions)
    return Column(tops=tops, velocities=velocities, gradient=gradient, limits=geology.velocity)


def _with_inversions(rising: Array, slower: NDArray[np.bool_]) -> Array:
    """The same velocities in another order: layer i is slower than i - 1 exactly where `slower` is true."""
    begins = np.flatnonzero(~slower[1:]) + 1
    return np.concatenate([run[::-1] for run in np.split(rising, begins)])


def add_thin_beds(column: Column, geology: Geology, depth: float, rng: np.random.Generator) -> Column:
    """The column with a random number of thin beds; where two meet, the later one stays."""
    tops, velocities = column.tops, column.velocities
    for _ in range(rng.integers(*geology.thin_beds, endpoint=True)):
        thickness, place = rng.uniform(*geology.thin_bed_thickness), rng.random()
        contrast = rng.uniform(*geology.thin_bed_contrast) * rng.choice([-1.0, 1.0])
        top = place * max(depth - thickness, 0.0)
        above, below = np.searchsorted(tops, [top, top + thickness], side="right")
        bed = [velocities[above - 1] + contrast, velocities[below - 1]]
        tops = np.concatenate([tops[:above], [top, top + thickness], tops[below:]])
        velocities = np.concatenate([velocities[:above], bed, velocities[below:]])
    return Column(tops=tops, velocities=velocities, gradient=column.gradient, limits=column.limits)
