"""Parameters add up choice by choice, and a limit is kept by the most probable genotype that can."""

import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from datagen.errors import InputError
from search_spaces.build import count_parameters
from search_spaces.config import Fold, Network, Stack
from search_spaces.fronts.survey_front import SurveyFront
from search_spaces.genotype import CELLS, Genotype, candidates, edge_label, edges, labels
from search_spaces.networks.nas_unet import NasUnet
from search_spaces.shape import Geometry, Shape
from search_spaces.size import most_probable, nasunet_parameters, parameter_costs, random_genotype

SHAPE = Shape(shots=2, samples=40, receivers=12, nz=10, nx=12)
FRONT = SurveyFront(SHAPE, 1.0, Fold(fold=4))
NETWORK = Network(front=Fold(), depth=3, width=8, nodes=2, operations="full")


def chosen(genotype: Genotype) -> dict[str, str]:
    names = {
        edge_label(cell, node, source): getattr(genotype, cell)[node - 1][source]
        for cell in CELLS
        for node, source in edges(genotype.nodes)
    }
    return names | {"down": genotype.down, "up": genotype.up}


def preferences(network: Network, seed: int) -> dict[str, dict[str, float]]:
    rng = np.random.default_rng(seed)
    table = {}
    for label in labels(network.nodes):
        names = candidates(label, network.operations)
        table[label] = dict(zip(names, np.log(rng.dirichlet(np.ones(len(names)))).tolist(), strict=True))
    return table


@pytest.mark.parametrize("seed", range(5))
def test_the_costs_of_choices_add_up_to_the_parameters_of_the_network(seed: int) -> None:
    genotype = Genotype.random(depth=3, width=8, nodes=2, operations="full", seed=seed)
    fixed, costs = parameter_costs(NETWORK, (FRONT,))
    total = fixed + sum(costs[label][name] for label, name in chosen(genotype).items())
    assert total == nasunet_parameters(genotype, (FRONT,)) == count_parameters(NasUnet(genotype, FRONT))


@pytest.mark.parametrize("limit", [20_000, 40_000, 80_000])
def test_a_found_genotype_keeps_to_the_limit(limit: int) -> None:
    network = replace(NETWORK, max_parameters=limit)
    for seed in range(5):
        genotype = most_probable(preferences(network, seed), network, (FRONT,))
        assert nasunet_parameters(genotype, (FRONT,)) <= limit


def test_at_most_700_000_is_kept_by_wide_networks_that_would_like_the_dearest_operations() -> None:
    network = Network(front=Fold(), depth=5, width=32, nodes=2, operations="full")
    fixed, costs = parameter_costs(network, (FRONT,))
    dear = {label: {name: cost / 1000 for name, cost in choice.items()} for label, choice in costs.items()}
    assert fixed + sum(max(choice.values()) for choice in costs.values()) > 2 * network.max_parameters
    genotype = most_probable(dear, network, (FRONT,))
    assert 0.95 * network.max_parameters < nasunet_parameters(genotype, (FRONT,)) <= network.max_parameters


def test_no_genotype_within_the_limit_is_more_probable_than_the_one_found() -> None:
    network = Network(front=Fold(), depth=2, width=8, nodes=1, operations="small", max_parameters=4000)
    fixed, costs = parameter_costs(network, (FRONT,))
    wishes = preferences(network, 3)
    scores = [
        sum(wishes[label][name] for label, name in zip(costs, names, strict=True))
        for names in product(*costs.values())
        if fixed + sum(costs[label][name] for label, name in zip(costs, names, strict=True)) <= network.max_parameters
    ]
    assert 0 < len(scores) < math.prod(map(len, costs.values()))
    found = chosen(most_probable(wishes, network, (FRONT,)))
    # A node whose only edge is `none` comes out as `skip`, which costs as little.
    score = sum(max(p for n, p in wishes[label].items() if n == name or (n == "none" and name == "skip"))
                for label, name in found.items())  # fmt: skip
    assert score >= max(scores)


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
    genotype = Genotype.random(depth=3, width=8, nodes=2, operations="full", seed=0)
    assert nasunet_parameters(genotype, (coarse,)) == count_parameters(NasUnet(genotype, coarse))
    assert nasunet_parameters(genotype, (coarse,)) - nasunet_parameters(genotype, (fine,)) == 3 * (NETWORK.width + 1)


def test_without_a_limit_that_binds_every_choice_is_the_most_probable() -> None:
    network = replace(NETWORK, max_parameters=10**9)
    wishes = preferences(network, 1)
    for label in wishes:
        if "none" in wishes[label]:
            wishes[label]["none"] = -99.0
    assert chosen(most_probable(wishes, network, (FRONT,))) == {
        label: max(choice, key=lambda name: choice[name]) for label, choice in wishes.items()
    }


def test_random_genotypes_keep_to_the_limit_too_and_differ() -> None:
    network = replace(NETWORK, max_parameters=30_000)
    found = [random_genotype(network, (FRONT,), seed) for seed in range(4)]
    assert all(nasunet_parameters(genotype, (FRONT,)) <= 30_000 for genotype in found)
    assert len(set(found)) == 4
    assert random_genotype(network, (FRONT,), 0) == found[0]


def test_a_limit_that_no_network_keeps_is_refused_with_the_least_possible() -> None:
    with pytest.raises(InputError, match=r"network\.max_parameters: got 1000; .* smallest network has \d+"):
        most_probable(preferences(NETWORK, 0), replace(NETWORK, max_parameters=1000), (FRONT,))
