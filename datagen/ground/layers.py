"""The column of layers as they were laid down: velocity as a function of the depth s below the surface.

    v(s) = uᵢ + k s    where  tᵢ ≤ s < tᵢ₊₁          tᵢ tops, uᵢ one per layer, k gradient

thickness    tᵢ₊₁ − tᵢ from a gamma law, scaled to fill the column
velocity     uᵢ scatter around a rise and are sorted; an inversion is two swapped neighbours
thin beds    layers of a few metres, faster or slower than the layer around them
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datagen.config import Geology

TREND_ENDS = 0.2  # the rise begins and ends within this share of the range from its limits
STEADY_SHARE = 0.8  # largest share of the rise due to the gradient; the rest are steps between layers

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Column:
    """Layers from shallow to deep; the first begins at 0 m, the last never ends."""

    tops: Array  # [m]
    velocities: Array  # [m/s] u
    gradient: float  # [1/s]
    limits: tuple[float, float]  # [m/s]

    def velocity(self, s: Array) -> Array:
        """At the depths `s` [m], of any shape; the first layer extends above the surface."""
        layer = np.searchsorted(self.tops[1:], s, side="right")
        return np.clip(self.velocities[layer] + self.gradient * np.maximum(s, 0.0), *self.limits)


def draw_column(geology: Geology, depth: float, rng: np.random.Generator, sections: float = 1.0) -> Column:
    """A random column that fills `depth` metres, as deep as so many `sections` on top of each other."""
    count = round(int(rng.integers(*geology.layers, endpoint=True)) * sections)
    thickness = rng.gamma(geology.thickness_shape, size=count)
    tops = depth * np.concatenate([[0.0], np.cumsum(thickness)[:-1]]) / thickness.sum()
    slowest, fastest = geology.velocity
    first, last = np.array([slowest, fastest]) + TREND_ENDS * (fastest - slowest) * rng.random(2) * [1, -1]
    gradient = min(rng.uniform(*geology.gradient), STEADY_SHARE * (last - first) / depth)
    steady = gradient * depth
    rise = first + (last - steady - first) * (np.arange(count) + rng.random(count)) / count
    scattered = np.clip(rise + rng.normal(0.0, geology.velocity_scatter, size=count), slowest, fastest - steady)
    velocities = np.sort(scattered)
    for layer in _draw_inversions(count, geology.inversions, rng):
        velocities[[layer - 1, layer]] = velocities[[layer, layer - 1]]
    return Column(tops=tops, velocities=velocities, gradient=gradient, limits=geology.velocity)


def _draw_inversions(count: int, share: float, rng: np.random.Generator) -> Iterator[int]:
    """Which layers are slower than the one above: never two in a row, so that no layer strays far from the rise."""
    after_a_rise = share / (1 - share)  # the chance that gives `share` overall
    free = 1
    for layer in np.flatnonzero(rng.random(count) < after_a_rise).tolist():
        if layer >= free:
            yield layer
            free = layer + 2


def add_thin_beds(
    column: Column, geology: Geology, depth: float, rng: np.random.Generator, sections: float = 1.0
) -> Column:
    """The column, as deep as `sections`, with a random number of thin beds; where two overlap, the later one wins."""
    tops, velocities = column.tops, column.velocities
    for _ in range(round(int(rng.integers(*geology.thin_beds, endpoint=True)) * sections)):
        thickness, place = rng.uniform(*geology.thin_bed_thickness), rng.random()
        contrast = rng.uniform(*geology.thin_bed_contrast) * rng.choice([-1.0, 1.0])
        top = place * max(depth - thickness, 0.0)
        above, below = np.searchsorted(tops, [top, top + thickness], side="right")
        bed = [velocities[above - 1] + contrast, velocities[below - 1]]
        tops = np.concatenate([tops[:above], [top, top + thickness], tops[below:]])
        velocities = np.concatenate([velocities[:above], bed, velocities[below:]])
    return Column(tops=tops, velocities=velocities, gradient=column.gradient, limits=column.limits)
