import numpy as np
import skfmm
import torch
from scipy.ndimage import gaussian_filter, map_coordinates

from search_spaces.fronts.ray_times import RayTimes

CELLS = 48
GRID = np.arange(0, CELLS, 2) + 0.5  # of the slowness, half as fine as the section
FINE = np.arange(0.0, CELLS)
ENDS = [(1.0, 3.0), (1.0, 24.0), (2.0, 40.5)]


def times(slowness_zx: np.ndarray, points: tuple[np.ndarray, np.ndarray] = (FINE, GRID)) -> np.ndarray:
    given = torch.from_numpy(slowness_zx[None].astype(np.float32))
    return RayTimes(ENDS, (GRID, GRID), points)(given)[0].numpy()


def smooth_ground() -> np.ndarray:
    """Faster with depth, with a fast body in it, as smooth as what migrates [cells/s]."""
    velocity_ZX = np.repeat(np.linspace(150.0, 350.0, CELLS)[:, None], CELLS, axis=1)
    velocity_ZX[20:32, 14:30] = 450.0
    return 1 / gaussian_filter(1 / velocity_ZX, 5.0, mode="nearest")


def halved(field_ZX: np.ndarray) -> np.ndarray:
    return field_ZX.reshape(CELLS // 2, 2, CELLS // 2, 2).mean((1, 3))


def below(end: tuple[float, float]) -> np.ndarray:
    """Points whose ray is not flatter than those that a stack reads."""
    return np.abs(GRID - end[1]) <= 1.5 * (FINE[:, None] - end[0]) + 8


def test_in_one_velocity_a_time_is_distance_over_velocity() -> None:
    found_EZX = times(np.full((CELLS // 2, CELLS // 2), 1 / 200))
    for (depth, place), found_ZX in zip(ENDS, found_EZX, strict=True):
        distance_ZX = np.hypot(np.maximum(FINE - depth, 0)[:, None], GRID - place)
        np.testing.assert_allclose(found_ZX, distance_ZX / 200, atol=1e-6)


def test_a_time_is_the_integral_of_slowness_along_the_straight_ray() -> None:
    velocity_ZX = smooth_ground()
    along = (np.arange(400) + 0.5) / 400
    for end, found_ZX in zip(ENDS, times(halved(1 / velocity_ZX)), strict=True):
        z_ZX, x_ZX = np.meshgrid(FINE, GRID, indexing="ij")
        path = [end[i] + along[:, None, None] * (axis - end[i]) for i, axis in enumerate((z_ZX, x_ZX))]
        mean_ZX = map_coordinates(1 / velocity_ZX, path, order=1, mode="nearest").mean(0)
        wrong_ZX = found_ZX - mean_ZX * np.hypot(z_ZX - end[0], x_ZX - end[1])
        # of about 0.2 s; a sample of the record is some milliseconds
        assert np.abs(wrong_ZX[4:][below(end)[4:]]).max() < 2.5e-3
        assert np.sqrt(np.mean(wrong_ZX[4:][below(end)[4:]] ** 2)) < 7e-4


def test_straight_rays_are_late_by_little_where_the_ground_is_smooth() -> None:
    """Fermat: no ray is faster than the eikonal one, and a straight one is slower by the second order only."""
    velocity_ZX = smooth_ground()
    end = ENDS[1]
    away_ZX = np.hypot(*np.meshgrid(FINE - end[0], FINE - end[1], indexing="ij"))
    near = 2.5  # cells
    first_ZX = np.asarray(skfmm.travel_time(away_ZX - near, velocity_ZX, order=2)) + near / velocity_ZX[1, 24]
    eikonal_ZX = first_ZX.reshape(CELLS, CELLS // 2, 2).mean(2)
    late_ZX = (times(halved(1 / velocity_ZX))[1] - eikonal_ZX)[8:][below(end)[8:]]
    assert late_ZX.min() > -2.5e-3
    assert np.median(late_ZX) < 2.5e-3


def test_its_gradient_is_that_of_finite_differences() -> None:
    rays = RayTimes(ENDS, (GRID[:6], GRID[:6]), (GRID[:6], GRID[:6])).double()
    slowness = (
        0.004 + 0.001 * torch.rand(2, 6, 6, generator=torch.manual_seed(0), dtype=torch.float64)
    ).requires_grad_()
    assert torch.autograd.gradcheck(rays, (slowness,))
