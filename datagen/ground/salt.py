"""Salt bodies: the union of a random number of convex hulls of random points around a common centre.

    body = ∪ₕ hull{c, pₕ₁ … pₕₙ},   pₕᵢ ~ N(cₕ, σ),   cₕ ~ N(c, σ/2)

Every hull contains the centre c, so a body is one piece.  Corners are rounded.  After Zhan et al. 2022 (arXiv
2201.01772), whose models have salt made of several convex hulls.  A rugose boundary is the body after a displacement
of the plane too gentle to tear it: r n(z, x), |n| ≤ 1 on a lattice of six r.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.spatial import ConvexHull
from skimage.draw import ellipse, polygon

from datagen.config import Grid, Salt

CENTRE = (0.25, 0.75)  # range of the body's centre, share of the width
SHALLOWEST = 0.12  # least depth of the salt's top below the surface or sea floor, share of the section's depth
ROUNDING = 0.15  # radius over which corners are rounded (salt flows), share of the points' spread
FLATTENING = (0.5, 1.1)  # height over width of the cloud of points
LATTICE = 6.0  # rugosities from one random value of the displacement to the next
LENS = (0.2, 0.5)  # height over length of an inclusion

Mask = NDArray[np.bool_]


def draw_salt(grid: Grid, salt: Salt, rng: np.random.Generator, sea_floor: float = 0.0) -> Mask:
    """Where one random model has salt, `[z, x]`; all False with probability `1 - salt.probability`.

    The body stays below the deepest point of the sea floor [m].  Each hull has its own random stream: one more hull
    does not change the others.
    """
    mask_ZX = np.zeros((grid.nz, grid.nx), dtype=bool)
    for_body, for_hulls, for_rugosity = rng.spawn(3)
    if for_body.random() >= salt.probability:
        return mask_ZX
    spread = min(grid.nz, grid.nx) * for_body.uniform(*salt.size) * np.array([for_body.uniform(*FLATTENING), 1.0])
    centre = np.array([grid.nz * for_body.uniform(*salt.depth), grid.nx * for_body.uniform(*CENTRE)])
    count = for_body.integers(*salt.hulls, endpoint=True)
    hulls = [_draw_hull(centre, spread, salt, stream) for stream in for_hulls.spawn(int(count))]
    top = min(hull[:, 0].min() for hull in hulls)
    sink = max(SHALLOWEST * grid.nz + sea_floor / grid.spacing - top, 0.0)  # as a whole: clipping would cut a flat lid
    for hull in hulls:
        rows, columns = polygon(hull[:, 0] + sink, hull[:, 1], shape=mask_ZX.shape)
        mask_ZX[rows, columns] = True
    rounded_ZX: Mask = gaussian_filter(mask_ZX.astype(np.float32), ROUNDING * spread) > 0.5
    return _roughen(rounded_ZX, for_rugosity.uniform(*salt.rugosity) / grid.spacing, for_rugosity)


def _draw_hull(
    centre: NDArray[np.float64], spread: NDArray[np.float64], salt: Salt, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Corners (z, x) of one hull, in cells."""
    points = rng.integers(*salt.points, endpoint=True)
    middle = centre + rng.normal(0.0, spread / 2)
    cloud = np.vstack([centre, rng.normal(middle, spread, size=(points, 2))])
    corners: NDArray[np.float64] = cloud[ConvexHull(cloud).vertices]
    return corners


def _roughen(mask_ZX: Mask, rugosity: float, rng: np.random.Generator) -> Mask:
    """The body with its boundary displaced by up to `rugosity` cells."""
    if rugosity == 0 or not mask_ZX.any():
        return mask_ZX
    nz, nx = mask_ZX.shape
    lattice = LATTICE * max(rugosity, 1.0)
    down_ZX, right_ZX = (rugosity * _value_noise(nz, nx, lattice, rng) for _ in range(2))
    rows_ZX = np.rint(np.arange(nz)[:, None] + down_ZX).astype(int)
    columns_ZX = np.rint(np.arange(nx) + right_ZX).astype(int)
    rough_ZX: Mask = mask_ZX[np.clip(rows_ZX, 0, nz - 1), np.clip(columns_ZX, 0, nx - 1)]
    return rough_ZX


def _value_noise(nz: int, nx: int, cells: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Smooth noise within ±1: random values on a lattice of `cells`, smoothstep between them, so at most 3 / `cells`
    steep along an axis."""
    noise = rng.uniform(-1.0, 1.0, size=(int(nz / cells) + 2, int(nx / cells) + 2))
    for size in (nz, nx):  # between rows, then between columns
        place = np.arange(size) / cells
        node = place.astype(int)
        t = place - node
        weight = (t * t * (3 - 2 * t))[:, None]
        noise = (noise[node] * (1 - weight) + noise[node + 1] * weight).T
    return noise


def draw_inclusions(grid: Grid, salt: Salt, salt_ZX: Mask, rng: np.random.Generator) -> Iterator[tuple[Mask, float]]:
    """Mask [z, x] and velocity [m/s] of each lens of other rock in a salt body."""
    cells = np.argwhere(salt_ZX)
    for stream in rng.spawn(int(rng.integers(*salt.inclusions, endpoint=True)) if len(cells) else 0):
        length = stream.uniform(*salt.inclusion_size) / grid.spacing
        height = length * stream.uniform(*LENS)
        middle = cells[int(stream.random() * len(cells))]
        lens_ZX = np.zeros_like(salt_ZX)
        tilt = stream.uniform(-np.pi / 4, np.pi / 4)
        lens_ZX[ellipse(*middle, height / 2, length / 2, shape=lens_ZX.shape, rotation=tilt)] = True
        yield lens_ZX & salt_ZX, stream.uniform(*salt.inclusion_velocity)
