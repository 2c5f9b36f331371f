"""How large a genotype's network is, and the width that brings it to a size.

All networks that a search compares have as many parameters, so that none wins because it is larger: a cell of expensive
operations is narrow, one of cheap operations wide.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch

from datagen.errors import InputError
from search_spaces.build import count_parameters
from search_spaces.config import Network
from search_spaces.genotype import Genotype
from search_spaces.networks.contract import Features
from search_spaces.networks.nas_unet import NasUnet

WIDTHS = range(4, 129, 2)  # an odd one is slow, and a step of 2 changes the size by a sixth at most from 24 on


def nasunet_parameters(genotype: Genotype, fronts: Sequence[Features]) -> int:
    """Parameters of the NasUnets it describes, without allocating weights; fronts have none."""
    with torch.device("meta"):
        return sum(count_parameters(NasUnet(genotype, front)) for front in fronts)


def widest(genotype: Genotype, fronts: Sequence[Features], limit: int) -> Genotype:
    """The genotype with the largest width at which its NasUnets have `limit` parameters or fewer.

    Raises InputError when the narrowest has more.
    """

    def parameters(width: int) -> int:
        return nasunet_parameters(replace(genotype, width=width), fronts)

    within = bisect_right(WIDTHS, limit, key=parameters)
    if within == 0:
        raise InputError(
            f"network.max_parameters: got {limit}; with network.depth {genotype.depth} and network.nodes "
            f"{genotype.nodes} the narrowest network has {parameters(WIDTHS[0])}; raise the limit or lower the depth"
        )
    return replace(genotype, width=WIDTHS[within - 1])


def drawn(network: Network, seed: int | tuple[int, ...], fronts: Sequence[Features]) -> Genotype:
    """A random genotype with the network's depth and nodes, as large as it allows."""
    size = {"depth": network.depth, "width": network.width, "nodes": network.nodes}
    genotype = Genotype.random(**size, operations=network.operations, seed=seed)
    return widest(genotype, fronts, network.max_parameters)


def widest_drawn(network: Network, seed: int, fronts: Sequence[Features], *, draws: int, kept: int) -> list[Genotype]:
    """The `kept` widest of `draws` times as many random genotypes, each once; of equal width those drawn first."""
    every = (drawn(network, (seed, number), fronts) for number in range(draws * kept))
    return sorted(dict.fromkeys(every), key=lambda genotype: -genotype.width)[:kept]


def most_probable(log_probabilities: Mapping[str, Mapping[str, float]], network: Network) -> Genotype:
    """The genotype of highest Σ log p, with the network's depth, width and nodes."""
    sample = {label: max(choice, key=lambda name: choice[name]) for label, choice in log_probabilities.items()}
    return Genotype.from_sample(sample, depth=network.depth, width=network.width, nodes=network.nodes)
