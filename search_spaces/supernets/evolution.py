"""Evolution of cells on a supernet that was trained one path at a time (SPOS, Guo et al. 2020).

    population ─► best of a few drawn ─► one choice changed ─► its loss with the supernet's weights ─► in
         └──────────────────────────────── the oldest ──────────────────────────────────────────────► out

Ageing keeps a path that was lucky once from staying for ever (Real et al. 2019).
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from random import Random

from torch import nn

from search_spaces.supernets.strategies import PathEdge

Path = dict[str, str]
"""Label → operation."""

DRAWN = 4  # of the population, the best of which is changed


def take_path(supernet: nn.Module, path: Path) -> None:
    """Sets every edge of a supernet of `PathEdge`s."""
    for edge in supernet.modules():
        if isinstance(edge, PathEdge):
            edge.drawn, edge.gate = edge.names.index(path[edge.label]), None


def evolved(
    loss: Callable[[Path], float],
    choices: Mapping[str, Sequence[str]],
    *,
    population: int,
    generations: int,
    seed: int,
) -> dict[tuple[str, ...], float]:
    """The loss of every path that was tried; a path is its operations in the order of `choices`.

    `population` random paths, and as many changes of one choice in each of the `generations`.
    """
    draw = Random(seed)
    tried: dict[tuple[str, ...], float] = {}

    def fitness(path: Path) -> float:
        place = tuple(path[label] for label in choices)
        if place not in tried:
            tried[place] = loss(path)
        return tried[place]

    alive = deque([{label: draw.choice(names) for label, names in choices.items()} for _ in range(population)])
    free = [label for label, names in choices.items() if len(names) > 1]
    for _ in range(population * generations):
        parent = min(draw.sample(alive, min(DRAWN, population)), key=fitness)
        label = draw.choice(free)
        alive.append(parent | {label: draw.choice([name for name in choices[label] if name != parent[label]])})
        alive.popleft()
    for path in alive:
        fitness(path)
    return tried
