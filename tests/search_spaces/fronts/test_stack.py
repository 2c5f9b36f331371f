"""An echo is brought back to where it came from."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from search_spaces.fronts.stack import STRIDE, DiffractionStack, group_matrix
from search_spaces.shape import Geometry, Shape

SLOW, FAST = 6.0, 3.0  # [samples per cell]
ONSET = 20.0
GEOMETRY = Geometry(
    sources=(10.0, 40.0),
    receivers=tuple(map(float, range(50))),
    source_depth=1.0,
    receiver_depth=1.0,
    onset=ONSET,
    slowness=(SLOW, FAST),
)
SHAPE = Shape(shots=2, samples=400, receivers=50, nz=50, nx=50, geometry=GEOMETRY)


def echo(z: float, x: float, slowness: float, geometry: Geometry = GEOMETRY) -> torch.Tensor:
    """Traces [1, S, N, G] in groups, with an echo of a point at row z, column x."""
    source_S = np.hypot(z - 1, x - np.array(geometry.sources))
    receiver_R = np.hypot(z - 1, x - np.array(geometry.receivers))
    arrival_SR = ONSET + slowness * (source_S[:, None] + receiver_R)
    traces_SNR = np.exp(-0.5 * ((np.arange(400)[:, None] - arrival_SR[:, None]) / 6) ** 2)
    return torch.from_numpy(traces_SNR @ group_matrix(len(geometry.receivers), 2)).float()[None]


@pytest.mark.parametrize(("z", "x"), [(20, 24), (18, 14), (14, 36)])
@pytest.mark.parametrize("velocity", [0, 1])
def test_a_point_is_imaged_where_it_is_with_its_own_velocity(z: int, x: int, velocity: int) -> None:
    slowness = GEOMETRY.slowness[velocity]
    image_CZX = DiffractionStack(SHAPE, 400, 2)(echo(z, x, slowness))[0]
    for shot in range(2):
        row, column = divmod(int(image_CZX[2 * shot + velocity].argmax()), 50)
        assert abs(row - z) <= STRIDE
        assert abs(column - x) <= STRIDE


def test_the_right_velocity_gives_the_strongest_image() -> None:
    image_CZX = DiffractionStack(SHAPE, 400, 2)(echo(25, 25, FAST))[0]
    assert image_CZX[1].max() > 1.5 * image_CZX[0].max()
    assert image_CZX[3].max() > 1.5 * image_CZX[2].max()


def test_what_arrives_after_the_record_adds_nothing() -> None:
    late = Geometry(**{**vars(GEOMETRY), "onset": 1000.0})
    stack = DiffractionStack(Shape(**{**vars(SHAPE), "geometry": late}), 400, 2)
    assert (stack(torch.ones(1, 2, 400, 25)) == 0).all()


def test_mirrored_ground_gives_the_mirrored_stack() -> None:
    even = Geometry(**{**vars(GEOMETRY), "sources": (9.0, 40.0)})
    stack = DiffractionStack(Shape(**{**vars(SHAPE), "geometry": even}), 400, 2)
    traces = torch.randn(1, 2, 400, 25, generator=torch.Generator().manual_seed(0))
    mirrored = stack(traces.flip(1, 3)).unflatten(1, (2, 2)).flip(1, 4).flatten(1, 2)
    torch.testing.assert_close(mirrored, stack(traces), atol=1e-4, rtol=0)


def test_shots_of_a_batch_do_not_mix() -> None:
    stack = DiffractionStack(SHAPE, 400, 2)
    traces = torch.randn(3, 2, 400, 25, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(stack(traces)[1:2], stack(traces[1:2]))


@pytest.mark.parametrize(("nz", "nx", "receivers"), [(33, 47, 31), (16, 16, 2)])
@pytest.mark.parametrize("group", [1, 2, 4])
def test_any_size_comes_out_whole(nz: int, nx: int, receivers: int, group: int) -> None:
    spread = Geometry(**{**vars(GEOMETRY), "receivers": tuple(np.linspace(0, nx - 1, receivers))})
    shape = Shape(shots=2, samples=400, receivers=receivers, nz=nz, nx=nx, geometry=spread)
    groups = group_matrix(receivers, group).shape[1]
    assert DiffractionStack(shape, 100, group)(torch.ones(1, 2, 100, groups)).shape == (1, 4, nz, nx)


def test_a_coarse_stack_is_what_the_fine_one_is_interpolated_from() -> None:
    traces = torch.randn(1, 2, 400, 25, generator=torch.Generator().manual_seed(0))
    coarse, fine = (DiffractionStack(SHAPE, 400, 2, coarse=each)(traces) for each in (True, False))
    assert coarse.shape == (1, 4, 25, 25)
    torch.testing.assert_close(functional.interpolate(coarse, scale_factor=2.0, mode="bilinear"), fine)


def test_groups_average_their_receivers() -> None:
    np.testing.assert_allclose(np.arange(5.0) @ group_matrix(5, 2), [0.5, 2.5, 4.0])
    np.testing.assert_allclose(np.arange(5.0) @ group_matrix(5, 4), [1.5, 4.0])
