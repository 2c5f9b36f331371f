"""Salt bodies: the union of a random number of convex hulls of random points around a common centre.

    body = ∪ₕ hull{c, pₕ₁ … pₕₙ},   pₕᵢ ~ N(cₕ, σ),   cₕ ~ N(c, σ/2)

Every hull holds the centre c, so a body is one piece.  Corners are rounded.  After Zhan et al. 2022 (arXiv
2201.01772), whose models have salt made of several convex hulls.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.spatial import ConvexHull
from skimage.draw import polygon

from datagen.config import Grid, Salt

CENTRE = (0.25, 0.75)  # range of the body's centre, share of the width
SHALLOWEST = 0.12  # the top of the salt is not above this share of the depth
ROUNDING = 0.15  # radius over which corners are rounded (salt flows), share of the points' spread
FLATTENING = (0.5, 1.1)  # height over width of the cloud of points


def draw_salt(grid: Grid, salt: Salt, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Where one random model has salt, `[z, x]`; all False with probability `1 - salt.probability`."""
    mask_ZX = np.zeros((grid.nz, grid.nx), dtype=bool)
    if rng.random() >= salt.probability:
        return mask_ZX
    spread = grid.nx * rng.uniform(*salt.size) * np.array([rng.uniform(*FLATTENING), 1.0])
    centre = np.array([grid.nz * rng.uniform(*salt.depth), grid.nx * rng.uniform(*CENTRE)])
    hulls = [
        _draw_hull(centre, spread, int(rng.integers(*salt.points, endpoint=True)), rng)
        for _ in range(rng.integers(*salt.hulls, endpoint=True))
    ]
    top = min(hull[:, 0].min() for hull in hulls)
    sink = max(SHALLOWEST * grid.nz - top, 0.0)  # moved as a whole: clipping would cut a flat lid
    for hull in hulls:
        rows, columns = polygon(hull[:, 0] + sink, hull[:, 1], shape=mask_ZX.shape)
        mask_ZX[rows, columns] = True
    rounded_ZX: NDArray[np.bool_] = gaussian_filter(mask_ZX.astype(np.float32), ROUNDING * spread) > 0.5
    return rounded_ZX


def _draw_hull(
    centre: NDArray[np.float64], spread: NDArray[np.float64], points: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Corners (z, x) of one hull, in cells."""
    middle = centre + rng.normal(0.0, spread / 2)
    cloud = np.vstack([centre, rng.normal(middle, spread, size=(points, 2))])
    corners: NDArray[np.float64] = cloud[ConvexHull(cloud).vertices]
    return corners
