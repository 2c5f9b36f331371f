"""One network, shots alone: velocity and image, and what the image wants of the velocity."""

import torch

from search_spaces.config import Stack
from search_spaces.fronts.migration import Migration
from search_spaces.fronts.survey_front import SurveyFront
from search_spaces.genotype import Genotype
from search_spaces.networks.migrating import Given, MigratingNetwork
from search_spaces.networks.nas_unet import NasUnet
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


def network() -> MigratingNetwork:
    torch.manual_seed(0)
    front = SurveyFront(SHAPE, 1.0, Stack(fold=4, coarse=True))
    migration = Migration(SHAPE, 4 * SIZE[0], 2, smoothing=5.0)
    velocity = NasUnet(CELLS, Given(front.channels, SIZE))
    image = NasUnet(CELLS, Given(MigratingNetwork.channels(front, migration), SIZE))
    return MigratingNetwork(front, velocity, migration, image, GEOMETRY.velocity_limits)


def test_shots_become_a_velocity_within_its_limits_and_an_image() -> None:
    both = network()(torch.randn(3, 2, 160, 30))
    assert both.shape == (3, 2, *SIZE)
    assert (both[:, 0].abs() <= 1).all()


def test_the_image_alone_teaches_the_velocity() -> None:
    both = network()
    both(torch.randn(3, 2, 160, 30))[:, 1].square().sum().backward()
    assert all(weight.grad is not None and weight.grad.abs().max() > 0 for weight in both.velocity.head.parameters())


def test_what_depends_on_the_shots_alone_can_be_kept() -> None:
    both, shots = network().eval(), torch.randn(2, 2, 160, 30)
    level = both.front.level(shots)
    torch.testing.assert_close(both.from_features(level, both.front.arrange(level)), both(shots))
