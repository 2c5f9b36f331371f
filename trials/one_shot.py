"""The one-shot search itself: NNI's strategies on our supernet, reported epoch by epoch.

training split ─┬─ half: weights of the supernet     first-order DARTS (Liu et al. 2019): a step on the
                └─ half: architecture                architecture, a step on the weights, and again
"""

from typing import Any

import nni
import pytorch_lightning as pl
import torch
from nni.nas import strategy
from nni.nas.evaluator.pytorch import Lightning, LightningModule, Trainer
from nni.nas.execution import SequentialExecutionEngine
from nni.nas.space import RawFormatModelSpace
from torch import Tensor
from torch.utils.data import Subset

from datagen.dataset import loader
from search_spaces.genotype import Genotype, skip_share
from search_spaces.supernet import NasUnetSpace
from trials.channel import Channel
from trials.config import Config, Loss
from trials.fit import EpochReport, NewEffects, trainer_options, training_set
from trials.losses import loss_terms
from trials.metrics import ssim
from trials.module import Batch, raise_unless_finite
from trials.networks import geometry
from trials.run_folder import RunFolder

STRATEGIES = {"darts": strategy.DARTS, "gumbel": strategy.GumbelDARTS}
GRADIENT_CLIP = 5.0  # as in the DARTS code


@nni.trace  # NNI's evaluator takes traced modules only
class SupernetTraining(LightningModule):  # type: ignore[misc]
    """The inner module of NNI's one-shot modules: one step of the supernet on one batch."""

    def __init__(self, loss: Loss, learning_rate: float) -> None:
        super().__init__()
        self.loss, self.learning_rate = loss, learning_rate

    def training_step(self, batch: Batch, index: int) -> Tensor:
        shots_BSTR, target_B1ZX = batch
        prediction_B1ZX = self.model(shots_BSTR)
        terms = loss_terms(self.loss, prediction_B1ZX, target_B1ZX)
        raise_unless_finite(terms, "search", self.trainer.current_epoch, "search.learning_rate")
        logged = {"train_loss": terms["loss"].detach(), "train_ssim": ssim(prediction_B1ZX, target_B1ZX).mean()}
        self.log_dict(logged, on_step=False, on_epoch=True, batch_size=len(target_B1ZX))
        return terms["loss"]

    def configure_optimizers(self) -> Any:
        return torch.optim.AdamW(self.parameters(), lr=self.learning_rate)


class SearchReport(EpochReport):
    """Reports the share of skip connections with every epoch: a rising one is DARTS' collapse."""

    def __init__(self, run: RunFolder, channel: Channel, genotype_of: Any) -> None:
        super().__init__(run, channel, "supernet")
        self.genotype_of = genotype_of

    def on_train_epoch_end(self, trainer: pl.Trainer, module: Any) -> None:
        self.extra = {"skip_share": skip_share(self.genotype_of(module.export()))}
        super().on_train_epoch_end(trainer, module)


def find_genotype(config: Config, run: RunFolder, channel: Channel) -> Genotype:
    """Searches with `search.strategy`; `random` draws a genotype, the control for the others."""
    if config.search.strategy == "random":
        return Genotype.random(config.network, config.seed)

    def genotype_of(sample: dict[str, Any]) -> Genotype:
        return Genotype.from_sample(sample, config.network)

    data = training_set(config)
    samples = min(config.search.samples, len(data))
    halves = [
        loader(Subset(data, range(start, samples, 2)), config.tune.batch_size, shuffle=True, seed=config.seed + start)
        for start in (0, 1)
    ]
    report = SearchReport(run, channel, genotype_of)
    evaluator = Lightning(
        SupernetTraining(config.loss, config.search.learning_rate),
        Trainer(**trainer_options(run, config, "supernet", config.search.epochs, [report, NewEffects(data)])),
        train_dataloaders=halves[0],
        val_dataloaders=halves[1],
    )
    method = STRATEGIES[config.search.strategy](
        arc_learning_rate=config.search.arch_learning_rate,
        warmup_epochs=config.search.warmup_epochs,
        gradient_clip_val=GRADIENT_CLIP,
    )
    space = NasUnetSpace(config.network, *geometry(config))
    method.initialize(RawFormatModelSpace.from_model(space, evaluator), SequentialExecutionEngine())
    method.run()
    return genotype_of(next(method.list_models(limit=1)).sample)
