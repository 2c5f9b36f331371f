"""How many parameters a choice costs, and the best genotype within a limit.

    parameters = fixed + Σ_label cost[label][operation]

The sum is exact: the cost of a choice does not depend on the others.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache

import torch
from torch import nn

from datagen.errors import InputError
from search_spaces.build import count_parameters
from search_spaces.cells.cells import Edge, Entrance
from search_spaces.cells.operations import OPERATIONS
from search_spaces.config import Network
from search_spaces.genotype import CELLS, Genotype, candidates, edge_label
from search_spaces.networks.contract import Features
from search_spaces.networks.nas_unet import CellUnet, NasUnet

Costs = dict[str, dict[str, int]]
TRIES = 10_000  # random genotypes to try until one is within the limit


def parameter_costs(network: Network, fronts: Sequence[Features]) -> tuple[int, Costs]:
    """(fixed, label → operation → parameters in all cells) of NasUnets of this size, one behind each of `fronts`."""
    places: dict[str, list[int]] = defaultdict(list)  # channels of each occurrence of a choice

    def note(label: str, channels: int) -> nn.Module:
        places[label].append(channels)
        return nn.Identity()

    def edge(cell: str) -> Edge:
        return lambda node, source, channels: note(edge_label(cell, node, source), channels)

    def entrance(label: str) -> Entrance:
        return lambda channels, stride: note(label, channels)

    with torch.device("meta"):
        skeletons = [
            CellUnet(
                front,
                depth=network.depth,
                width=network.width,
                nodes=network.nodes,
                **{cell: edge(cell) for cell in CELLS},
                down=entrance("down"),
                up=entrance("up"),
            )
            for front in fronts
        ]
    costs = {
        label: {
            name: sum(operation_parameters(name, width) for width in channels)
            for name in candidates(label, network.operations)
        }
        for label, channels in places.items()
    }
    return sum(map(count_parameters, skeletons)), costs


@cache
def operation_parameters(name: str, channels: int) -> int:
    with torch.device("meta"):
        return count_parameters(OPERATIONS[name](channels))


def nasunet_parameters(genotype: Genotype, fronts: Sequence[Features]) -> int:
    """Parameters of the NasUnets it describes, without allocating weights; fronts have none."""
    with torch.device("meta"):
        return sum(count_parameters(NasUnet(genotype, front)) for front in fronts)


def most_probable(
    log_probabilities: Mapping[str, Mapping[str, float]], network: Network, fronts: Sequence[Features]
) -> Genotype:
    """The genotype of highest Σ log p among those with at most `network.max_parameters` parameters.

    Exact, by dynamic programming: a partial genotype is dropped if another costs no more and is more probable.
    Raises InputError when even the smallest network of this width and depth is above the limit.
    """
    fixed, costs = parameter_costs(network, fronts)
    best_so_far: list[tuple[int, float, tuple[str, ...]]] = [(fixed, 0.0, ())]
    for label, choices in costs.items():
        longer = [
            (cost + price, total + log_probabilities[label][name], (*chosen, name))
            for cost, total, chosen in best_so_far
            for name, price in choices.items()
            if cost + price <= network.max_parameters
        ]
        best_so_far, best = [], float("-inf")
        for item in sorted(longer, key=lambda item: (item[0], -item[1])):
            if item[1] > best:
                best_so_far.append(item)
                best = item[1]
    if not best_so_far:
        raise _too_small(network, fixed + sum(min(choices.values()) for choices in costs.values()))
    sample = dict(zip(costs, best_so_far[-1][2], strict=True))
    return Genotype.from_sample(sample, depth=network.depth, width=network.width, nodes=network.nodes)


def random_genotype(network: Network, fronts: Sequence[Features], seed: int) -> Genotype:
    """Drawn uniformly from all genotypes with at most `network.max_parameters` parameters.

    Raises InputError when none is found.
    """
    for attempt in range(TRIES):
        genotype = Genotype.random(
            depth=network.depth,
            width=network.width,
            nodes=network.nodes,
            operations=network.operations,
            seed=(seed, attempt),
        )
        if nasunet_parameters(genotype, fronts) <= network.max_parameters:
            return genotype
    fixed, costs = parameter_costs(network, fronts)
    raise _too_small(network, fixed + sum(min(choices.values()) for choices in costs.values()))


def _too_small(network: Network, least: int) -> InputError:
    return InputError(
        f"network.max_parameters: got {network.max_parameters}; with network.depth {network.depth}, network.width "
        f"{network.width} and network.nodes {network.nodes} the smallest network has {least}; raise the limit or "
        "lower the width"
    )
