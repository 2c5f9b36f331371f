"""The control has the size it is asked for, and the shape of its big sister."""

from itertools import pairwise

import pytest

from datagen.errors import InputError
from search_spaces.build import build, count_parameters
from search_spaces.config import Fold, Network
from search_spaces.fronts.survey_front import SurveyFront
from search_spaces.networks.unet_small import TOLERANCE, channels_for, shrunk_unet, size
from search_spaces.shape import Shape

SHAPE = Shape(shots=5, samples=100, receivers=20, nz=16, nx=20)
FRONT = SurveyFront(SHAPE, 1.0, Fold(fold=4))


@pytest.mark.parametrize("depth", [3, 4, 5])
@pytest.mark.parametrize("parameters", [50_000, 123_456, 700_000, 17_000_000])
def test_it_has_the_wanted_number_of_parameters(parameters: int, depth: int) -> None:
    found = size(channels_for(parameters, depth, FRONT), FRONT)
    assert found == pytest.approx(parameters, rel=TOLERANCE)


def test_what_is_counted_is_what_is_built() -> None:
    net = shrunk_unet(100_000, 3, FRONT)
    assert count_parameters(net) == size(channels_for(100_000, 3, FRONT), FRONT)
    assert count_parameters(net) == pytest.approx(100_000, rel=TOLERANCE)


def test_asked_for_the_size_of_the_big_unet_it_is_the_big_unet() -> None:
    channels = [48, 96, 192, 384, 768]
    assert channels_for(size(channels, FRONT), 5, FRONT) == channels


def test_its_channels_about_double_from_level_to_level() -> None:
    for finer, coarser in pairwise(channels_for(300_000, 4, FRONT)):
        assert abs(coarser - 2 * finer) <= 1


def test_a_size_that_no_depth_of_it_has_is_refused() -> None:
    small = Network(front=Fold(), model="unet_small", depth=6, parameters=2000)
    with pytest.raises(InputError, match=r"got 2000; the nearest U-Net of depth 6 .* has \d+; change network"):
        build(small, SHAPE, 1.0)
