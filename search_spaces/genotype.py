"""A found architecture: its size, and the operation on every edge of the two cells.

    encoder = ((op₁₀,), (op₂₀, op₂₁), …)     op_ij is on the edge from state j to node i; state 0 is the input
    down, up = op, op                        applied to the input of an encoder, a decoder cell

All encoder cells are alike, as are all decoder cells (NasUNet in Zhan et al. 2022).  Every node has at least one live
edge, one that is not `none`; in what a search tries, one with weights.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from difflib import get_close_matches
from typing import Annotated, Self

import numpy as np
from pydantic import AfterValidator, Field, TypeAdapter, ValidationError, model_validator
from pydantic.dataclasses import dataclass

from datagen.config import STRICT
from datagen.errors import InputError
from search_spaces.cells.operation_sets import KNOWN, SETS, WEIGHTLESS, OperationSet


def _known(name: str) -> str:
    if name not in KNOWN:
        close = get_close_matches(name, KNOWN, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"unknown operation {name!r}; known are {', '.join(KNOWN)}{hint}")
    return name


Operation = Annotated[str, AfterValidator(_known)]
Cell = tuple[tuple[Operation, ...], ...]


MOST_NODES = 5
CELLS = ("encoder", "decoder")
ENTRANCES = ("down", "up")


def edges(nodes: int) -> list[tuple[int, int]]:
    """All (node, source) of a cell: node i has an edge from the input, 0, and from every earlier node."""
    return [(node, source) for node in range(1, nodes + 1) for source in range(node)]


def edge_label(cell: str, node: int, source: int) -> str:
    """The name of an edge in NNI's samples, as in `encoder.node2.from0`."""
    return f"{cell}.node{node}.from{source}"


CHAIN = frozenset(edge_label(cell, node, node - 1) for cell in CELLS for node in range(1, MOST_NODES + 1))
"""From each state to the next."""


def labels(nodes: int) -> list[str]:
    """All choices of the space: every edge of both cells, `down` and `up`."""
    return [edge_label(cell, *edge) for cell in CELLS for edge in edges(nodes)] + list(ENTRANCES)


def candidates(label: str, operations: OperationSet) -> tuple[str, ...]:
    """The operations to choose from; without `none` at an entrance, which would cut the network."""
    return tuple(name for name in SETS[operations] if label not in ENTRANCES or name != "none")


def candidates_of_supernet(label: str, operations: OperationSet) -> tuple[str, ...]:
    """Those of an edge that is chosen on its own, with weights along the chain of states and so at every node.

    The cell has a residual already, and one-shot searches, which favour what trains fast, would end in skips alone
    (Zela et al. 2020).
    """
    return tuple(name for name in candidates(label, operations) if label not in CHAIN or name not in WEIGHTLESS)


def _alive(node: tuple[str, ...]) -> tuple[str, ...]:
    return ("skip", *node[1:]) if set(node) == {"none"} else node


@contextmanager
def _input_errors() -> Iterator[None]:
    """Turns pydantic's report into ours: one line per field, with the value got."""
    try:
        yield
    except ValidationError as error:
        lines = []
        for problem in error.errors():
            place = ".".join(("genotype", *map(str, problem["loc"])))
            message = problem["msg"].removeprefix("Value error, ")
            lines.append(f"{place}: {message} (got {str(problem['input'])[:80]})")
        raise InputError("\n".join(lines)) from None


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Genotype:
    """Immutable, and checked when built."""

    depth: Annotated[int, Field(strict=True, ge=2, le=6)]  # number of scales
    width: Annotated[int, Field(strict=True, ge=4, le=128)]  # channels at the finest scale
    nodes: Annotated[int, Field(strict=True, ge=1, le=MOST_NODES)]  # per cell
    encoder: Cell
    decoder: Cell
    down: Operation = "conv_3x3"
    up: Operation = "skip"

    @model_validator(mode="after")
    def _wired(self) -> Self:
        for name, cell in (("encoder", self.encoder), ("decoder", self.decoder)):
            given, wanted = [len(node) for node in cell], list(range(1, self.nodes + 1))
            if given != wanted:
                raise ValueError(f"{name}: its {self.nodes} nodes need {wanted} edges, it has {given}")
            for i, node in enumerate(cell, start=1):
                if _alive(node) != node:
                    raise ValueError(f"{name}: node {i} has no edge but 'none'")
        for name in ENTRANCES:
            if getattr(self, name) == "none":
                raise ValueError(f"{name}: it must not be 'none', which would cut the network")
        return self

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raises InputError naming every field that is missing, unknown or out of range."""
        with _input_errors():
            return TypeAdapter(cls).validate_json(text, strict=True)

    @classmethod
    def from_sample(cls, sample: Mapping[str, str], *, depth: int, width: int, nodes: int) -> Self:
        """From NNI's sample, label (`edge_label`, `down`, `up`) → operation.

        A node with no live edge gets `skip` on its first: it needs an output, and this costs nothing.
        Raises InputError for labels that do not match cells with `nodes` nodes, or an unknown operation.
        """
        wanted = set(labels(nodes))
        if set(sample) != wanted:
            raise InputError(
                f"sample: its edges do not match cells with {nodes} nodes (network.nodes); "
                f"missing {sorted(wanted - set(sample))}, unknown {sorted(set(sample) - wanted)}"
            )
        cells = {
            cell: tuple(
                _alive(tuple(sample[edge_label(cell, node, source)] for source in range(node)))
                for node in range(1, nodes + 1)
            )
            for cell in CELLS
        }
        with _input_errors():
            return cls(depth=depth, width=width, nodes=nodes, down=sample["down"], up=sample["up"], **cells)

    def to_sample(self) -> dict[str, str]:
        """Label → operation, as `from_sample` takes it."""
        edges_of_cells = {
            edge_label(cell, node, source): operation
            for cell in CELLS
            for node, operations in enumerate(getattr(self, cell), start=1)
            for source, operation in enumerate(operations)
        }
        return edges_of_cells | {name: getattr(self, name) for name in ENTRANCES}

    @classmethod
    def random(
        cls, *, depth: int, width: int, nodes: int, operations: OperationSet, seed: int | tuple[int, ...]
    ) -> Self:
        """Every choice drawn uniformly from the set `operations`, again until every node has weights."""
        generator = np.random.default_rng(np.random.SeedSequence(seed))
        names = {label: candidates(label, operations) for label in labels(nodes)}
        while True:
            sample = {label: known[generator.integers(len(known))] for label, known in names.items()}
            drawn = cls.from_sample(sample, depth=depth, width=width, nodes=nodes)
            if has_weights(drawn):
                return drawn


def has_weights(genotype: Genotype) -> bool:
    """Whether every node does more than pass on its input, which the cell's residual does already."""
    return all(set(node) - WEIGHTLESS for node in genotype.encoder + genotype.decoder)


def skip_share(genotype: Genotype) -> float:
    """The share of `skip` among the live edges; near 1 the search has collapsed (Zela et al. 2020)."""
    nodes = genotype.encoder + genotype.decoder
    live = [name for node in nodes for name in node if name != "none"]
    return live.count("skip") / len(live)
