"""Evolution finds good paths through a supernet, and an evaluation runs the path and nothing else."""

import pytest
import torch
from nni.nas.oneshot.pytorch.supermodule.differentiable import DifferentiableMixedLayer

from search_spaces.config import Fold, Network
from search_spaces.fronts.survey_front import SurveyFront
from search_spaces.genotype import candidates_of_supernet, labels
from search_spaces.shape import Shape
from search_spaces.supernets.evolution import evolved, take_path
from search_spaces.supernets.strategies import Parsec, PathEdge
from search_spaces.supernets.supernet import NasUnetSpace

CHOICES = {f"choice{number}": ("a", "b", "c", "d") for number in range(8)} | {"fixed": ("a",)}


def distance(path: dict[str, str]) -> float:
    """From the path of d alone."""
    return float(sum(name != "d" for name in path.values()))


def test_evolution_gets_nearer_than_as_many_random_paths() -> None:
    found = [
        min(evolved(distance, CHOICES, population=8, generations=generations, seed=seed).values())
        for seed in range(5)
        for generations in (0, 15)
    ]
    random, better = found[::2], found[1::2]
    assert min(random) >= 3
    assert max(better) <= 2


def test_no_path_is_measured_twice_and_a_seed_gives_the_same_paths() -> None:
    asked: list[tuple[str, ...]] = []

    def loss(path: dict[str, str]) -> float:
        asked.append(tuple(path.values()))
        return distance(path)

    tried = evolved(loss, CHOICES, population=6, generations=4, seed=3)
    assert len(asked) == len(set(asked)) == len(tried) <= 6 * 5
    assert list(tried) == list(evolved(distance, CHOICES, population=6, generations=4, seed=3))
    assert all(path[-1] == "a" for path in tried)


@pytest.mark.parametrize("last", [False, True])
def test_a_path_runs_its_operations_alone(last: bool) -> None:
    network = Network(front=Fold(), depth=2, width=4, nodes=2, operations="small")
    front = SurveyFront(Shape(shots=2, samples=40, receivers=32, nz=32, nx=32), 1.0, Fold())
    method = Parsec(
        arc_learning_rate=0.01,
        warmup_epochs=1,
        gradient_clip_val=1.0,
        architectures=1,
        mutation_hooks=[PathEdge.mutate],
    )
    supernet = method.mutate_model(NasUnetSpace(network, front))
    place = -1 if last else 0
    path = {label: candidates_of_supernet(label, "small")[place] for label in labels(2)}
    take_path(supernet, path)
    shots = torch.randn(2, 2, 40, 32)
    with torch.no_grad():
        before = supernet(shots)
        for edge in supernet.modules():
            if isinstance(edge, DifferentiableMixedLayer):
                others = [name for name in edge.names if name != path[edge.label]]
                for weight in (weight for name in others for weight in edge[name].parameters()):
                    weight.fill_(torch.nan)
        torch.testing.assert_close(supernet(shots), before)
