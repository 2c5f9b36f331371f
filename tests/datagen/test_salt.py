from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import label
from scipy.spatial import ConvexHull
from skimage.draw import polygon

from datagen.config import Grid, Salt
from datagen.salt import SHALLOWEST, draw_salt

GRID = Grid(nz=64, nx=64, spacing=10.0)
ALWAYS = Salt(probability=1.0)


def draw(salt: Salt, seed: int, grid: Grid = GRID) -> np.ndarray:
    return draw_salt(grid, salt, np.random.default_rng(seed))


def hull_area(mask_ZX: np.ndarray) -> int:
    corners = np.argwhere(mask_ZX)
    corners = corners[ConvexHull(corners).vertices]
    return len(polygon(corners[:, 0], corners[:, 1])[0])


def test_every_body_is_there_and_in_one_piece() -> None:
    whole = replace(ALWAYS, size=(0.06, 0.06), depth=(0.5, 0.5))  # none is cut by the edge of the section
    fine = Grid(nz=256, nx=256, spacing=10.0)
    for seed in range(100):
        assert label(draw(whole, seed, fine))[1] == 1


def test_the_share_without_salt_is_as_configured() -> None:
    salty = sum(draw(Salt(probability=0.7), seed).any() for seed in range(500)) / 500
    assert abs(salty - 0.7) < 0.06
    assert not any(draw(Salt(probability=0.0), seed).any() for seed in range(50))


def test_salt_never_reaches_the_surface() -> None:
    for seed in range(100):
        rows = np.nonzero(draw(replace(ALWAYS, depth=(0.0, 0.2)), seed).any(axis=1))[0]
        assert rows.min() >= int(SHALLOWEST * GRID.nz)


@pytest.mark.parametrize(("hulls", "convex"), [((1, 1), True), ((5, 5), False)])
def test_one_hull_is_convex_and_a_union_of_many_is_not(hulls: tuple[int, int], convex: bool) -> None:
    large = Grid(nz=512, nx=512, spacing=1.0)  # whole bodies, fine enough to see the outline
    salt = replace(ALWAYS, hulls=hulls, size=(0.06, 0.06), depth=(0.5, 0.5))
    filled = [mask.sum() / hull_area(mask) for mask in (draw(salt, seed, large) for seed in range(10))]
    assert (np.mean(filled) > 0.97) == convex


def test_a_body_of_the_fewest_points_can_be_drawn() -> None:
    salt = replace(ALWAYS, points=(3, 3), hulls=(1, 1), size=(0.01, 0.01))
    for seed in range(50):
        draw(salt, seed)
