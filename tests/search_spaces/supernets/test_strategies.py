"""Strategies learn which candidate is right, and what they keep in memory."""

from collections.abc import Callable
from typing import Any

import nni
import pytest
import torch
from nni.mutable import frozen_context
from nni.nas import strategy
from nni.nas.evaluator.pytorch import DataLoader, Lightning, LightningModule, Trainer
from nni.nas.execution import SequentialExecutionEngine
from nni.nas.nn.pytorch import LayerChoice, ModelSpace
from nni.nas.oneshot.pytorch.supermodule.differentiable import DifferentiableMixedLayer
from nni.nas.space import RawFormatModelSpace
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from search_spaces.cells.operations import OPERATIONS
from search_spaces.config import Fold, Network
from search_spaces.fronts.survey_front import SurveyFront
from search_spaces.shape import Shape
from search_spaces.supernets.strategies import MixedEdge, Parsec, PathEdge, importance_weights
from search_spaces.supernets.supernet import NasUnetSpace, probabilities

pytestmark = pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")  # Lightning 2.6 on torch 2.14

SHAPE = Shape(shots=2, samples=40, receivers=32, nz=32, nx=32)
FRONT = SurveyFront(SHAPE, 1.0, Fold(fold=4))


class Noise(nn.Module):
    """Replaces what it gets by noise."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.randn_like(x)


class Toy(ModelSpace):  # type: ignore[misc]
    """y = scale · choice(choice(x)): `right` is the identity."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.choices = nn.ModuleList(
            LayerChoice({"noise": Noise(), "right": nn.Identity(), "mirror": Noise()}, label=f"choice{i}")
            for i in range(2)
        )

    def forward(self, x: Tensor) -> Tensor:
        for choice in self.choices:
            x = choice(x)
        return self.scale * x


@nni.trace
class Regression(LightningModule):
    def training_step(self, batch: Any, index: int) -> Tensor:
        return self.step(self.prepare(batch))

    def prepare(self, batch: Any) -> Any:
        return batch

    def step(self, prepared: Any) -> Tensor:
        x, y = prepared
        return (self.model(x) - y).square().mean()

    def validation_step(self, batch: Any, index: int) -> None: ...

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), 0.01)


def search(method: Any, space: Any, x: Tensor, y: Tensor, epochs: int) -> Any:
    """Runs `method` and gives the supernet."""
    torch.manual_seed(0)
    loader = DataLoader(TensorDataset(x, y), batch_size=4)
    trainer = Trainer(
        max_epochs=epochs, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False,
    )  # fmt: skip
    evaluator = Lightning(Regression(), trainer, train_dataloaders=loader, val_dataloaders=loader)
    method.initialize(RawFormatModelSpace.from_model(space, evaluator), SequentialExecutionEngine())
    method.run()
    return method.supernet


METHODS: dict[str, Callable[..., Any]] = {
    "gumbel": lambda **options: strategy.GumbelDARTS(mutation_hooks=[PathEdge.mutate], **options),
    "parsec": lambda **options: Parsec(mutation_hooks=[PathEdge.mutate], architectures=4, **options),
}


def test_parsec_concentrates_on_the_candidate_that_is_the_target_among_noise() -> None:
    x = torch.randn(80, 1, 4, 4)
    supernet = search(METHODS["parsec"](arc_learning_rate=0.1), Toy(), x, x, epochs=5)
    for choice in probabilities(supernet).values():
        assert choice["right"] > 0.9


def test_parsec_leaves_the_architecture_alone_while_the_weights_warm_up() -> None:
    x = torch.randn(8, 1, 4, 4)
    supernet = search(METHODS["parsec"](arc_learning_rate=0.1, warmup_epochs=2), Toy(), x, x, epochs=2)
    assert all(abs(p - 1 / 3) < 1e-3 for choice in probabilities(supernet).values() for p in choice.values())
    assert supernet.scale != 1


def test_importance_weights_favour_small_losses_and_do_not_depend_on_their_unit() -> None:
    losses = torch.tensor([0.3, 0.1, 0.2])
    weights = importance_weights(losses)
    assert weights.sum() == pytest.approx(1)
    assert weights[1] > weights[2] > weights[0]
    torch.testing.assert_close(importance_weights(1e-3 * losses + 5e-3), weights, rtol=1e-3, atol=0)
    torch.testing.assert_close(importance_weights(torch.full((4,), 0.5)), torch.full((4,), 0.25))


@pytest.mark.parametrize("name", METHODS)
def test_a_sampled_strategy_runs_one_candidate_of_each_choice_and_the_same_in_all_cells(name: str) -> None:
    method = METHODS[name]()
    net = method.mutate_model(NasUnetSpace(Network(front=Fold(), depth=3, width=4, nodes=2), FRONT))
    runs: list[tuple[str, str]] = []
    for edge in net.modules():
        if isinstance(edge, PathEdge):
            for candidate in edge.names:
                edge[candidate].register_forward_hook(lambda *_, run=(edge.label, candidate): runs.append(run))
    draw(net)
    net(torch.randn(2, 2, 40, 32))
    assert len(set(runs)) == len({label for label, _ in runs}) == len(probabilities(net))
    assert len(runs) == sum(isinstance(edge, PathEdge) for edge in net.modules())


def draw(net: nn.Module) -> None:
    memo: dict[str, Tensor] = {}
    for edge in net.modules():
        if isinstance(edge, PathEdge):
            memo |= edge.resample(memo)


def saved_bytes(net: nn.Module) -> int:
    """Of the tensors kept for the backward pass, each storage once."""
    kept: dict[int, Tensor] = {}

    def keep(x: Tensor) -> Tensor:
        kept[x.untyped_storage().data_ptr()] = x
        return x

    weights = {weight.untyped_storage().data_ptr() for weight in net.parameters()}
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        loss = net(torch.randn(4, 2, 40, 32)).square().mean()
        total = sum(x.untyped_storage().nbytes() for place, x in kept.items() if place not in weights)
    assert loss.requires_grad
    return total


@pytest.mark.parametrize(("operations", "share"), [("mobile", 0.4), ("full", 0.25)])
def test_parsec_keeps_a_part_of_what_darts_keeps_for_the_gradient(operations: str, share: float) -> None:
    network = Network(front=Fold(), depth=3, width=8, nodes=2, operations=operations)
    darts = strategy.DARTS(mutation_hooks=[MixedEdge.mutate]).mutate_model(NasUnetSpace(network, FRONT))
    parsec = METHODS["parsec"]().mutate_model(NasUnetSpace(network, FRONT))
    torch.manual_seed(0)
    paths = []
    for _ in range(5):
        draw(parsec)
        paths.append(saved_bytes(parsec))
    assert max(paths) <= share * saved_bytes(darts)


def test_recomputed_cells_keep_less_than_half_and_have_the_same_gradients() -> None:
    found = []
    for recompute in (False, True):
        torch.manual_seed(0)
        network = Network(front=Fold(), depth=3, width=8, nodes=2)
        net = METHODS["parsec"]().mutate_model(NasUnetSpace(network, FRONT, recompute=recompute))
        draw(net)
        kept = saved_bytes(net)
        net(torch.ones(4, 2, 40, 32)).square().mean().backward()
        gradients = [weight.grad for weight in net.parameters() if weight.grad is not None]
        found.append((kept, gradients))
    (plain, expected), (less, gradients) = found
    assert less < plain / 2
    torch.testing.assert_close(gradients, expected)


def test_the_cheaper_mixed_edge_gives_the_sum_and_the_gradients_of_nnis() -> None:
    names = [name for name in OPERATIONS if name != "max_pool_3x3"]
    torch.manual_seed(0)
    candidates = {name: OPERATIONS[name](4) for name in names}
    alpha = nn.Parameter(torch.randn(len(names)))
    x = torch.randn(2, 4, 9, 7)
    results = []
    for kind in (MixedEdge, DifferentiableMixedLayer):
        with frozen_context():
            edge = kind(candidates, alpha, nn.Softmax(-1), "edge")
        y = edge(x)
        results.append([y, *torch.autograd.grad(y.square().sum(), [alpha, *edge["conv_3x3"].parameters()])])
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-3)


def test_partial_channels_pass_by_unchanged_and_are_shuffled() -> None:
    net = NasUnetSpace(Network(front=Fold(), depth=2, width=8, nodes=1), FRONT, share=4)
    partial = net.network.encoder.cells[0].graph.nodes[0].edges[0]
    partial.choice = OPERATIONS["none"](2)
    x = torch.randn(2, 8, 5, 5)
    y = partial(x)
    assert sorted(y.sum((0, 2, 3)).tolist()) == pytest.approx(sorted([0.0, 0.0, *x[:, 2:].sum((0, 2, 3)).tolist()]))
    assert y[:, 0].abs().sum() == y[:, 4].abs().sum() == 0
