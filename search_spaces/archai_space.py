"""The cells as a search space of Archai (Microsoft's toolkit for neural architecture search, version 1.0).

    a model    cells, and how large their network may be: network.max_parameters, a half or a quarter of it
    mutation   one operation drawn anew, or another size
    crossover  each operation from one of the two parents, the size of the first

Cells are as wide as their size allows (size.py).  Models have no weights here: evaluators build networks from cells.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from archai.discrete_search.api.archai_model import ArchaiModel
from archai.discrete_search.api.search_space import EvolutionarySearchSpace
from overrides import overrides

from search_spaces.config import Network
from search_spaces.genotype import Genotype, candidates, has_weights
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
        network, seed = self.network, int(self.rng.integers(2**32))
        size = {"depth": network.depth, "width": network.width, "nodes": network.nodes}
        return self._model(Genotype.random(**size, operations=network.operations, seed=seed), self._any_limit())

    @overrides
    def mutate(self, arch: ArchaiModel) -> ArchaiModel:
        sample = arch.arch.to_sample()
        label = str(self.rng.choice([*sample, LIMIT]))
        if label == LIMIT:
            return self._model(arch.arch, self._any_limit())
        known = candidates(label, self.network.operations)
        return self._model(self._drawn(lambda: sample | {label: str(self.rng.choice(known))}), arch.metadata[LIMIT])

    @overrides
    def crossover(self, arch_list: list[ArchaiModel]) -> ArchaiModel:
        parents = [each.arch.to_sample() for each in arch_list]
        child = self._drawn(lambda: {label: parents[self.rng.integers(len(parents))][label] for label in parents[0]})
        return self._model(child, arch_list[0].metadata[LIMIT])

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

    def _drawn(self, draw: Callable[[], dict[str, str]]) -> Genotype:
        """Cells of a draw, label → operation, repeated until every node has weights."""
        network = self.network
        while True:
            found = Genotype.from_sample(draw(), depth=network.depth, width=network.width, nodes=network.nodes)
            if has_weights(found):
                return found

    def _model(self, cells: Genotype, limit: int) -> ArchaiModel:
        genotype = widest(cells, self.fronts, limit)
        return ArchaiModel(genotype, genotype.to_json(), {LIMIT: limit})
