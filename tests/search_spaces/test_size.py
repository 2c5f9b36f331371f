"""All networks of a search have as many parameters, whatever their operations."""

from dataclasses import replace

import numpy as np
import pytest

from datagen.errors import InputError
from search_spaces.build import count_parameters
from search_spaces.config import Fold, Network, Stack
from search_spaces.fronts.survey_front import SurveyFront
from search_spaces.genotype import Genotype, candidates, labels
from search_spaces.networks.nas_unet import NasUnet
from search_spaces.shape import Geometry, Shape
from search_spaces.size import WIDTHS, most_probable, nasunet_parameters, widest

SHAPE = Shape(shots=2, samples=40, receivers=12, nz=10, nx=12)
FRONT = SurveyFront(SHAPE, 1.0, Fold(fold=4))
NETWORK = Network(front=Fold(), depth=3, width=8, nodes=2, operations="full")


def drawn(seed: int) -> Genotype:
    return Genotype.random(depth=3, width=8, nodes=2, operations="full", seed=seed)


@pytest.mark.parametrize("seed", range(5))
def test_parameters_are_those_of_the_network(seed: int) -> None:
    genotype = drawn(seed)
    assert nasunet_parameters(genotype, (FRONT, FRONT)) == 2 * count_parameters(NasUnet(genotype, FRONT))


@pytest.mark.parametrize("limit", [200_000, 700_000])
@pytest.mark.parametrize("seed", range(5))
def test_a_network_is_as_wide_as_the_limit_allows(seed: int, limit: int) -> None:
    genotype = drawn(seed)
    found = widest(genotype, (FRONT,), limit)
    assert replace(found, width=genotype.width) == genotype
    assert nasunet_parameters(found, (FRONT,)) <= limit
    assert found.width == WIDTHS[-1] or nasunet_parameters(replace(found, width=found.width + 2), (FRONT,)) > limit


def test_a_limit_that_no_width_keeps_is_refused_with_the_least_possible() -> None:
    least = nasunet_parameters(replace(drawn(0), width=4), (FRONT,))
    with pytest.raises(InputError, match=rf"network\.max_parameters: got 1000; .* narrowest network has {least};"):
        widest(drawn(0), (FRONT,), 1000)


def test_the_head_that_makes_a_coarse_network_fine_is_counted() -> None:
    geometry = Geometry(
        sources=(0.0, 11.0),
        receivers=tuple(map(float, range(12))),
        source_depth=0.0,
        receiver_depth=0.0,
        onset=1.0,
        slowness=(2.0, 1.0),
    )
    shape = replace(SHAPE, geometry=geometry)
    coarse, fine = (SurveyFront(shape, 1.0, Stack(fold=2, coarse=each)) for each in (True, False))
    genotype = drawn(0)
    assert nasunet_parameters(genotype, (coarse,)) == count_parameters(NasUnet(genotype, coarse))
    assert nasunet_parameters(genotype, (coarse,)) - nasunet_parameters(genotype, (fine,)) == 3 * (NETWORK.width + 1)


def test_every_choice_is_the_most_probable() -> None:
    rng = np.random.default_rng(1)
    wishes: dict[str, dict[str, float]] = {}
    for label in labels(NETWORK.nodes):
        names = candidates(label, NETWORK.operations)
        wishes[label] = dict(zip(names, np.log(rng.dirichlet(np.ones(len(names)))).tolist(), strict=True))
    best = {label: max(choice, key=lambda name: choice[name]) for label, choice in wishes.items()}
    assert most_probable(wishes, NETWORK).to_sample() == best
