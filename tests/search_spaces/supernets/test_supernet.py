"""NNI's one-shot strategies search the supernet, and what they find is a plain network."""

import copy
from typing import Any

import nni
import pytest
import pytorch_lightning as pl
import torch
from nni.nas import strategy
from nni.nas.evaluator.pytorch import DataLoader, Lightning, LightningModule, Trainer
from nni.nas.execution import SequentialExecutionEngine
from nni.nas.space import RawFormatModelSpace
from torch.utils.data import TensorDataset

from search_spaces.config import Fold, Network
from search_spaces.fronts.survey_front import SurveyFront
from search_spaces.genotype import Genotype, candidates_of_supernet, labels
from search_spaces.networks.nas_unet import NasUnet
from search_spaces.shape import Shape
from search_spaces.supernets.strategies import Parsec, PathEdge
from search_spaces.supernets.supernet import NasUnetSpace, probabilities

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning"),  # Lightning 2.6 on torch 2.14
    pytest.mark.filterwarnings("ignore:.*does not have many workers:UserWarning"),
]

SHAPE = Shape(shots=2, samples=40, receivers=12, nz=10, nx=12)
FRONT = SurveyFront(SHAPE, 1.0, Fold(fold=2))
NETWORK = Network(front=Fold(fold=2), depth=2, width=4, nodes=2, operations="full")
LABELS = set(labels(NETWORK.nodes))


@nni.trace
class Regression(LightningModule):
    def training_step(self, batch: Any, index: int) -> torch.Tensor:
        return self.step(self.prepare(batch))

    def prepare(self, batch: Any) -> Any:
        shots, image = batch
        return self.model.network.front(shots), image

    def step(self, prepared: Any) -> torch.Tensor:
        features, image = prepared
        return (self.model.network.image(features) - image).square().mean()

    def validation_step(self, batch: Any, index: int) -> None:
        self.training_step(batch, index)

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), 0.1)


class Watch(pl.Callback):
    def __init__(self) -> None:
        self.seen: list[dict[str, dict[str, float]]] = []

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self.seen.append(copy.deepcopy(probabilities(module)))


def search(method: Any) -> tuple[dict[str, str], Watch]:
    """Two epochs of two steps; the sample found, and the probabilities seen after each epoch."""
    torch.manual_seed(0)
    data = TensorDataset(torch.randn(4, 2, 40, 12), torch.randn(4, 1, 10, 12))
    watch = Watch()
    evaluator = Lightning(
        Regression(),
        Trainer(
            max_epochs=2,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[watch],
        ),
        train_dataloaders=DataLoader(data, batch_size=2),
        val_dataloaders=DataLoader(data, batch_size=2),
    )
    space = NasUnetSpace(NETWORK, FRONT)
    method.initialize(RawFormatModelSpace.from_model(space, evaluator), SequentialExecutionEngine())
    method.run()
    return next(iter(method.list_models(limit=1))).sample, watch


@pytest.mark.parametrize(
    "method",
    [strategy.DARTS, strategy.GumbelDARTS, strategy.Proxyless, strategy.RandomOneShot],
    ids=lambda method: method.__name__,
)
@pytest.mark.filterwarnings("ignore:Direct export from RandomOneShot:UserWarning")
def test_a_search_ends_with_a_genotype_whose_network_trains(method: Any) -> None:
    sample, _ = search(method())
    genotype = Genotype.from_sample(sample, depth=NETWORK.depth, width=NETWORK.width, nodes=NETWORK.nodes)
    net = NasUnet(genotype, SurveyFront(SHAPE, 1.0, Fold(fold=2)))
    net(torch.randn(2, 2, 40, 12)).square().mean().backward()
    assert all(weight.grad is not None for weight in net.parameters())


def test_weights_warm_up_before_the_architecture_moves() -> None:
    _, watch = search(strategy.DARTS(arc_learning_rate=0.1, warmup_epochs=1))
    after_warm_up, after_search = (
        max(abs(p - 1 / len(edge)) for edge in seen.values() for p in edge.values()) for seen in watch.seen
    )
    assert after_warm_up < 1e-3  # as NNI initialised them, next to even
    assert after_search > 1e-2


def test_all_cells_of_a_kind_share_their_choices() -> None:
    assert set(NasUnetSpace(NETWORK, FRONT).simplify()) == LABELS


def test_probabilities_of_an_edge_add_up_to_one_and_name_its_operations() -> None:
    _, watch = search(strategy.GumbelDARTS())
    assert set(watch.seen[0]) == LABELS
    for label, edge in watch.seen[0].items():
        assert tuple(edge) == candidates_of_supernet(label, NETWORK.operations)
        assert sum(edge.values()) == pytest.approx(1)


def test_a_batch_passes_the_front_once_however_many_paths_it_goes() -> None:
    passes: list[int] = []
    hook = FRONT.register_forward_hook(lambda *_: passes.append(1))
    search(Parsec(architectures=3, mutation_hooks=[PathEdge.mutate]))
    hook.remove()
    assert len(passes) == 2 * 2 * 2  # epochs, steps, a batch for the weights and one for the architecture


def test_the_parts_of_a_supernet_give_its_image() -> None:
    space = NasUnetSpace(NETWORK, FRONT)
    strategy.DARTS().mutate_model(space)
    shots = torch.randn(2, 2, 40, 12)
    torch.testing.assert_close(space(shots), space.network.image(space.network.front(shots)))


def test_a_supernet_that_is_only_sampled_has_no_probabilities() -> None:
    assert probabilities(NasUnetSpace(NETWORK, FRONT)) == {}
