"""In the right velocity an echo is brought back to where it came from; the times can be learned."""

import dataclasses
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from search_spaces.fronts.migration import SIDES, AlongTimes, Migration
from search_spaces.fronts.stack import group_matrix
from search_spaces.shape import Geometry, Shape

TRUE = 0.4  # [cells per sample]: 2000 m/s in cells of 10 m at 2 ms
ONSET = 20.0  # [samples]
GEOMETRY = Geometry(
    sources=(10.0, 39.0),
    receivers=tuple(map(float, range(50))),
    source_depth=1.0,
    receiver_depth=1.0,
    onset=ONSET,
    slowness=(1.0,),
)
SHAPE = Shape(shots=2, samples=400, receivers=50, nz=50, nx=50, geometry=GEOMETRY)


def migration() -> Migration:
    return Migration(SHAPE, 400, 2, smoothing=5.0)


def echo(z: float, x: float) -> torch.Tensor:
    """Levels [1, S, N, G] with the echo of a point at row z, column x, in ground of the velocity TRUE."""
    source_S, receiver_R = (np.hypot(z - 1, x - np.array(ends)) for ends in (GEOMETRY.sources, GEOMETRY.receivers))
    arrival_SR = ONSET + (source_S[:, None] + receiver_R) / TRUE
    traces_SNR = np.exp(-0.5 * ((np.arange(400)[:, None] - arrival_SR[:, None]) / 6) ** 2)
    return torch.from_numpy(traces_SNR @ group_matrix(50, 2)).float()[None]


def summed(image_BCZX: torch.Tensor) -> torch.Tensor:
    """Over the sides, `[B, S, Z, X]`."""
    return image_BCZX.unflatten(1, (SHAPE.shots, SIDES)).sum(2)


def ground(velocity: float) -> torch.Tensor:
    return torch.full((1, 1, 50, 50), velocity)


@pytest.mark.parametrize(("z", "x"), [(20, 24), (18, 14), (14, 36)])
def test_a_point_is_imaged_where_it_is(z: int, x: int) -> None:
    for image_ZX in summed(migration()(echo(z, x), ground(TRUE)))[0]:
        row, column = divmod(int(image_ZX.argmax()), 25)
        assert abs(2 * row + 0.5 - z) <= 2
        assert abs(2 * column + 0.5 - x) <= 2


def test_the_right_velocity_gives_the_strongest_image() -> None:
    strongest = {v: float(summed(migration()(echo(25, 25), ground(v))).max()) for v in (0.32, TRUE, 0.5)}
    assert max(strongest, key=strongest.__getitem__) == TRUE


def test_what_arrives_after_the_record_adds_nothing() -> None:
    late = dataclasses.replace(SHAPE, geometry=dataclasses.replace(GEOMETRY, onset=1000.0))
    image = Migration(late, 400, 2, smoothing=5.0)(torch.ones(1, 2, 400, 25), ground(TRUE))
    assert (image == 0).all()


def test_the_gradient_is_that_of_the_interpolated_record() -> None:
    draws = torch.Generator().manual_seed(0)
    level, weight = (torch.rand(shape, generator=draws, dtype=torch.float64) for shape in ((2, 2, 3, 9), (2, 3, 4)))
    source, receiver = (
        (1 + 2 * torch.rand(shape, generator=draws, dtype=torch.float64)).requires_grad_()
        for shape in ((2, 2, 4), (2, 3, 4))
    )
    assert torch.autograd.gradcheck(AlongTimes.apply, (level, source, receiver, weight))


def test_the_velocity_has_the_gradient_of_finite_differences() -> None:
    """What the network relies on: the image tells by its gradient whether the velocity is too slow."""
    draws = torch.Generator().manual_seed(0)
    weight, change = (
        torch.rand(shape, generator=draws, dtype=torch.float64) for shape in ((1, 6, 25, 25), (1, 1, 50, 50))
    )
    migrate, level = migration().double(), echo(20, 24).double()
    velocity = ground(TRUE).double().requires_grad_()
    (weight * migrate(level, velocity)).sum().backward()
    assert velocity.grad is not None
    ahead, behind = ((weight * migrate(level, velocity.detach() + step * change)).sum() for step in (1e-9, -1e-9))
    np.testing.assert_allclose(float((velocity.grad * change).sum()), float(ahead - behind) / 2e-9, rtol=1e-4)


def test_onnx_runtime_gives_the_image_of_torch_from_a_small_graph(tmp_path: Path) -> None:
    migrate = migration().eval()
    level, velocity = echo(20, 24).repeat(2, 1, 1, 1), TRUE + 0.06 * torch.rand(2, 1, 50, 50)
    file = tmp_path / "migration.onnx"
    program = torch.onnx.export(
        migrate, (level, velocity), input_names=["level", "velocity"], dynamo=True, verbose=False
    )
    assert program is not None
    program.save(file, external_data=False)
    (found,) = onnxruntime.InferenceSession(file).run(None, {"level": level.numpy(), "velocity": velocity.numpy()})
    np.testing.assert_allclose(found, migrate(level, velocity).numpy(), atol=1e-4)
    assert file.stat().st_size < 600_000
