from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.ndimage import binary_dilation, binary_erosion, label
from scipy.spatial import ConvexHull
from skimage.draw import polygon

from datagen.config import Grid, Salt
from datagen.ground.salt import SHALLOWEST, draw_inclusions, draw_salt

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


def test_salt_stays_below_the_sea_floor() -> None:
    for seed in range(50):
        mask_ZX = draw_salt(GRID, ALWAYS, np.random.default_rng(seed), sea_floor=200.0)
        assert not mask_ZX[: 20 + int(SHALLOWEST * GRID.nz)].any()


def test_one_more_hull_only_adds_to_the_body() -> None:
    middle = replace(ALWAYS, size=(0.08, 0.08), depth=(0.6, 0.6))  # high enough to stay where it is
    fine = Grid(nz=256, nx=256, spacing=10.0)
    for seed in range(10):
        bodies = [draw(replace(middle, hulls=(count, count)), seed, fine) for count in range(1, 6)]
        for smaller, larger in pairwise(bodies):
            assert (larger | ~smaller).all()
        assert bodies[-1].sum() > bodies[0].sum()


def test_a_rugose_body_wanders_from_the_smooth_one_by_no_more_than_its_rugosity_and_stays_in_one_piece() -> None:
    fine = Grid(nz=256, nx=256, spacing=10.0)
    whole = replace(ALWAYS, size=(0.06, 0.06), depth=(0.5, 0.5))
    reach = np.ones((11, 11), dtype=bool)  # 5 cells each way
    for seed in range(40):
        smooth, rough = draw(whole, seed, fine), draw(replace(whole, rugosity=(50.0, 50.0)), seed, fine)
        assert label(rough)[1] == 1
        assert (rough != smooth).any()
        assert (binary_dilation(smooth, reach) | ~rough).all()
        assert (rough | ~binary_erosion(smooth, reach)).all()


def test_inclusions_lie_in_the_salt_and_are_as_many_as_large_and_as_fast_as_configured() -> None:
    fine = Grid(nz=256, nx=256, spacing=10.0)
    dirty = replace(ALWAYS, inclusions=(3, 3), inclusion_size=(100.0, 200.0), inclusion_velocity=(3000.0, 3500.0))
    for seed in range(20):
        salt_ZX = draw(dirty, seed, fine)
        lenses = list(draw_inclusions(fine, dirty, salt_ZX, np.random.default_rng(seed)))
        assert len(lenses) == 3
        for lens_ZX, velocity in lenses:
            assert lens_ZX.any()
            assert (salt_ZX | ~lens_ZX).all()
            assert np.ptp(np.argwhere(lens_ZX), axis=0).max() <= 20
            assert 3000 <= velocity <= 3500


def test_there_are_no_inclusions_without_salt() -> None:
    dirty = replace(ALWAYS, inclusions=(3, 3))
    assert not list(draw_inclusions(GRID, dirty, np.zeros((64, 64), bool), np.random.default_rng(0)))


@pytest.mark.parametrize(("nz", "nx"), [(40, 160), (160, 40)])
def test_the_largest_body_fits_a_wide_and_a_deep_section(nz: int, nx: int) -> None:
    share = [draw(replace(ALWAYS, size=(0.25, 0.25)), seed, Grid(nz=nz, nx=nx, spacing=10.0)) for seed in range(30)]
    assert np.mean(share) < 0.5
    with pytest.raises(ValidationError, match=r"size\.1"):
        Salt(size=(0.1, 0.3))
