"""The cells as a search space of Archai (Microsoft's toolkit for neural architecture search, version 1.0).

    a model    cells, and how large their network may be: network.max_parameters, a half or a quarter of it
    mutation   one operation drawn anew, or another size
    crossover  each operation from one of the two parents, the size of the first

Cells are as wide as their size allows (size.py).  Models have no weights here: evaluators build networks from cells.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from archai.discrete_search.api.archai_model import ArchaiModel
from archai.discrete_search.api.search_space import EvolutionarySearchSpace
from overrides import overrides

from search_spaces.config import Network
from search_spaces.genotype import CELLS, ENTRANCES, Genotype, candidates, edge_label, labels
from search_spaces.networks.contract import Features
from search_spaces.size import widest

SHARES = (1.0, 0.5, 0.25)  # of network.max_parameters
LIMIT = "limit"  # in a model's metadata


class CellSpace(EvolutionarySearchSpace):  # type: ignore[misc]  # archai has no types
    """Cells of the network's depth, nodes and operations behind `fronts`."""

    def __init__(self, network: Network, fronts: Sequence[Features], seed: int) -> None:
        self.network, self.fronts = network, fronts
        self.rng = np.random.default_rng(seed)
        self.limits = [int(share * network.max_parameters) for share in SHARES]

    @overrides
    def random_sample(self) -> ArchaiModel:
        names = {label: candidates(label, self.network.operations) for label in labels(self.network.nodes)}
        return self._model({label: str(self.rng.choice(known)) for label, known in names.items()}, self._any_limit())

    @overrides
    def mutate(self, arch: ArchaiModel) -> ArchaiModel:
        sample, limit = chosen(arch.arch), arch.metadata[LIMIT]
        label = str(self.rng.choice([*sample, LIMIT]))
        if label == LIMIT:
            return self._model(sample, self._any_limit())
        return self._model(sample | {label: str(self.rng.choice(candidates(label, self.network.operations)))}, limit)

    @overrides
    def crossover(self, arch_list: list[ArchaiModel]) -> ArchaiModel:
        parents = [chosen(each.arch) for each in arch_list]
        sample = {label: parents[self.rng.integers(len(parents))][label] for label in parents[0]}
        return self._model(sample, arch_list[0].metadata[LIMIT])

    @overrides
    def save_arch(self, model: ArchaiModel, file_path: str) -> None:
        Path(file_path).write_text(json.dumps({"cells": model.archid, LIMIT: model.metadata[LIMIT]}), encoding="utf-8")

    @overrides
    def load_arch(self, file_path: str) -> ArchaiModel:
        found = json.loads(Path(file_path).read_text(encoding="utf-8"))
        return ArchaiModel(Genotype.from_json(found["cells"]), found["cells"], {LIMIT: found[LIMIT]})

    @overrides
    def save_model_weights(self, model: ArchaiModel, file_path: str) -> None:
        raise NotImplementedError("models have no weights")

    @overrides
    def load_model_weights(self, model: ArchaiModel, file_path: str) -> None:
        raise NotImplementedError("models have no weights")

    def _any_limit(self) -> int:
        return int(self.rng.choice(self.limits))

    def _model(self, sample: dict[str, str], limit: int) -> ArchaiModel:
        network = self.network
        found = Genotype.from_sample(sample, depth=network.depth, width=network.width, nodes=network.nodes)
        genotype = widest(found, self.fronts, limit)
        return ArchaiModel(genotype, genotype.to_json(), {LIMIT: limit})


def chosen(genotype: Genotype) -> dict[str, str]:
    """Label → operation, as `Genotype.from_sample` takes it."""
    edges = {
        edge_label(cell, node, source): operation
        for cell in CELLS
        for node, operations in enumerate(getattr(genotype, cell), start=1)
        for source, operation in enumerate(operations)
    }
    return edges | {name: getattr(genotype, name) for name in ENTRANCES}
