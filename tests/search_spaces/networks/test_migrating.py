"""One network, shots alone: velocity and image, and what the image wants of the velocity."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from compressors.graphs.onnx_graph import export_onnx
from compressors.graphs.session import GraphSession
from search_spaces.build import build, count_parameters
from search_spaces.config import Migrate, Network
from search_spaces.genotype import Genotype
from search_spaces.networks.migrating import MigratingNetwork
from search_spaces.shape import Geometry, Shape

SIZE = (32, 30)
GEOMETRY = Geometry(
    sources=(5.0, 24.0),
    receivers=tuple(map(float, range(30))),
    source_depth=1.0,
    receiver_depth=1.0,
    onset=10.0,
    slowness=(4.0, 2.0),
)
SHAPE = Shape(shots=2, samples=160, receivers=30, nz=SIZE[0], nx=SIZE[1], geometry=GEOMETRY)
CELLS = Genotype(depth=2, width=8, nodes=1, encoder=(("sep_conv_3x3",),), decoder=(("skip",),))


def network(passes: int = 1) -> MigratingNetwork:
    torch.manual_seed(0)
    both = build(Network(genotype=CELLS, front=Migrate(passes=passes)), SHAPE, 1.0)
    assert isinstance(both, MigratingNetwork)
    return both


def test_shots_become_a_velocity_within_its_limits_and_an_image() -> None:
    both = network().eval()(torch.randn(3, 2, 160, 30))
    assert both.shape == (3, 2, *SIZE)
    assert (both[:, 0].abs() <= 1).all()


def test_in_training_the_first_estimate_follows() -> None:
    both, shots = network().train(), torch.randn(3, 2, 160, 30)
    velocity_B1ZX, _, first_B1ZX = both(shots).split(1, dim=1)
    assert (velocity_B1ZX != first_B1ZX).any()
    torch.nn.init.zeros_(both.image.head.cells.weight)
    torch.nn.init.zeros_(both.image.head.cells.bias)
    velocity_B1ZX, _, first_B1ZX = both(shots).split(1, dim=1)
    torch.testing.assert_close(velocity_B1ZX, first_B1ZX)  # nothing corrects it


def test_the_image_alone_teaches_the_velocity() -> None:
    both = network()
    both(torch.randn(3, 2, 160, 30))[:, 1].square().sum().backward()
    assert all(weight.grad is not None and weight.grad.abs().max() > 0 for weight in both.velocity.head.parameters())


def test_another_pass_migrates_in_the_corrected_velocity_with_the_same_weights() -> None:
    once, twice, shots = network().eval(), network(passes=2).eval(), torch.randn(2, 2, 160, 30)
    assert count_parameters(once) == count_parameters(twice)
    assert (once(shots) - twice(shots)).abs().max() > 1e-3


def test_in_its_own_velocity_the_image_is_its_own() -> None:
    both, shots = network().eval(), torch.randn(2, 2, 160, 30)
    head = both.image.head.cells
    with torch.no_grad():  # nothing corrects the estimate, so that it is what is returned
        head.weight[4:], head.bias[4:] = 0, 0
        velocity_B1ZX, image_B1ZX = both(shots).split(1, dim=1)
        torch.testing.assert_close(both.in_velocity(shots, velocity_B1ZX), image_B1ZX, atol=1e-4, rtol=1e-3)


def test_what_depends_on_the_shots_alone_can_be_kept() -> None:
    both, shots = network().eval(), torch.randn(2, 2, 160, 30)
    level = both.front.level(shots)
    torch.testing.assert_close(both.from_features(level, both.front.arrange(level)), both(shots))


def test_what_is_given_takes_the_place_of_the_estimate_in_the_samples_that_are_chosen() -> None:
    both, shots = network().eval(), torch.randn(3, 2, 160, 30)
    velocity = torch.linspace(-0.9, 0.9, 3)[:, None, None, None].expand(3, 1, *SIZE)
    own, given = both(shots), both(shots, (velocity, torch.tensor([True, False, True])))
    torch.testing.assert_close(given[1], own[1])
    torch.testing.assert_close(given[[0, 2], 1:], both.in_velocity(shots, velocity)[[0, 2]])
    assert (given[[0, 2], 1] - own[[0, 2], 1]).abs().amax((1, 2)).min() > 1e-3


def test_given_to_no_sample_it_changes_no_bit() -> None:
    both, shots = network().train(), torch.randn(3, 2, 160, 30)
    nothing = torch.zeros(3, 1, *SIZE), torch.zeros(3, dtype=torch.bool)
    assert torch.equal(both(shots, nothing), both(shots))


def test_the_correction_starts_from_what_is_given_and_the_estimate_is_still_returned() -> None:
    both, shots = network().train(), torch.randn(3, 2, 160, 30)
    torch.nn.init.zeros_(both.image.head.cells.weight)
    torch.nn.init.zeros_(both.image.head.cells.bias)
    velocity = torch.full((3, 1, *SIZE), 0.5)
    corrected, _, first = both(shots, (velocity, torch.ones(3, dtype=torch.bool))).split(1, dim=1)
    torch.testing.assert_close(corrected, velocity)  # nothing corrects it
    torch.testing.assert_close(first, both(shots)[:, 2:])


def test_any_network_can_stand_behind_the_migration() -> None:
    unet = build(Network(model="unet", depth=2, width=4, front=Migrate()), SHAPE, 1.0).eval()
    assert unet(torch.randn(1, 2, 160, 30)).shape == (1, 2, *SIZE)


@pytest.mark.parametrize("size", [(33, 30), (33, 31)], ids=["odd rows", "both odd"])
def test_a_grid_with_an_odd_side_is_imaged_too_and_in_onnx_alike(size: tuple[int, int], tmp_path: Path) -> None:
    torch.manual_seed(0)
    shape = replace(SHAPE, nz=size[0], nx=size[1])
    odd, shots_BSTR = build(Network(genotype=CELLS, front=Migrate()), shape, 1.0).eval(), torch.randn(2, 2, 160, 30)
    both_B2ZX = odd(shots_BSTR)
    assert both_B2ZX.shape == (2, 2, *size)
    export_onnx(odd, shape, tmp_path / "odd.onnx")
    found_B2ZX = torch.from_numpy(GraphSession(tmp_path / "odd.onnx")(shots_BSTR.numpy()))
    torch.testing.assert_close(found_B2ZX, both_B2ZX.detach(), rtol=1e-3, atol=1e-4)
