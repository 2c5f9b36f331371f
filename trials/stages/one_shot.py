"""The one-shot search itself: strategies (search_spaces/supernets) on our supernet, reported epoch by epoch.

training split ─┬─ half: weights of the supernet     first-order DARTS (Liu et al. 2019): a step on the
                └─ half: architecture                architecture, a step on the weights, and again

one_path trains the weights alone, a path drawn uniformly for each step, and then chooses by evolution.

A search continues from its checkpoint.  It uses one device, whatever `devices`: the drawn paths leave most parameters
without gradient, and NNI's modules step their optimisers manually, so DDP has nothing to average.
"""

import sys
from dataclasses import replace
from statistics import fmean, median
from typing import Any

import nni
import pytorch_lightning as pl
import torch
from nni.nas.evaluator.pytorch import Lightning, LightningModule, Trainer
from nni.nas.execution import SequentialExecutionEngine
from nni.nas.space import RawFormatModelSpace
from pytorch_lightning.callbacks import Callback
from torch import Tensor
from torch.utils.data import Subset

from datagen.dataset import loader
from search_spaces.build import cell_fronts
from search_spaces.fronts.survey_front import make_front
from search_spaces.genotype import Genotype, candidates_of_supernet, labels, skip_share
from search_spaces.size import drawn, most_probable, widest
from search_spaces.supernets.evolution import Path, evolved, take_path
from search_spaces.supernets.strategies import Darts, Gumbel, MixedEdge, Parsec, PathEdge
from search_spaces.supernets.supernet import NasUnetSpace, log_probabilities
from trials.running.channel import Channel
from trials.running.checkpoint import keep_checkpoint, resume_from
from trials.running.devices import uses_gpu
from trials.running.run_folder import RunFolder
from trials.settings.config import Config
from trials.training.fit import EpochDraws, EpochReport, interruptible, trainer_options
from trials.training.module import raise_unless_finite
from trials.training.networks import geometry
from trials.training.tasks import Batch, Samples, Task, make_task

GRADIENT_CLIP = 5.0  # as in the DARTS code


@nni.trace  # NNI's evaluator takes traced modules only
class SupernetTraining(LightningModule):  # type: ignore[misc]
    """The inner module of NNI's one-shot modules: one step of the supernet on one batch."""

    def __init__(self, task: Task, learning_rate: float) -> None:
        super().__init__()
        self.task, self.learning_rate = task, learning_rate

    def training_step(self, batch: Batch, index: int) -> Tensor:
        return self.step(self.prepare(batch))

    def prepare(self, batch: Batch) -> tuple[Tensor, Batch]:
        """The features of the shots, and the batch: the front has no weights and takes a third of a path's time."""
        return self.model.network.front(batch[0]), batch

    def step(self, prepared: tuple[Tensor, Batch]) -> Tensor:
        """The loss of `prepare`'s result."""
        features_BCZX, batch = prepared
        prediction = self.model.network.image(features_BCZX)
        terms = self.task.terms(prediction, batch)
        raise_unless_finite(terms, "search", self.trainer.current_epoch, "search.learning_rate")
        quality = self.task.quality
        score = self.task.scores(prediction.detach(), batch)[quality]
        logged = {"train_loss": terms["loss"].detach(), f"train_{quality}": score}
        self.log_dict(logged, on_step=False, on_epoch=True, batch_size=len(batch[1]))
        return terms["loss"]

    def configure_optimizers(self) -> Any:
        return torch.optim.AdamW(self.parameters(), lr=self.learning_rate)


class SearchReport(EpochReport):
    """Keeps the genotype found so far; reports its share of skips, which rises when DARTS collapses.

    Ends the search before that share passes `search.stop_skip_share` (as in DARTS+, Liang et al. 2019); while the
    weights warm up the architecture is noise, whose share says nothing.
    """

    def __init__(self, run: RunFolder, channel: Channel, config: Config) -> None:
        super().__init__(run, channel, "supernet", make_task(config).quality)
        self.config = config
        self.found: Genotype | None = None
        self.supernet: Any = None  # NNI's module around it

    def state_dict(self) -> dict[str, Any]:
        return {"found": self.found.to_json() if self.found else None}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.found = Genotype.from_json(state_dict["found"]) if state_dict["found"] else None

    def on_fit_start(self, trainer: pl.Trainer, module: Any) -> None:
        super().on_fit_start(trainer, module)
        self.supernet = module

    def on_train_epoch_end(self, trainer: pl.Trainer, module: Any) -> None:
        genotype = most_probable(log_probabilities(module), self.config.network)
        share = skip_share(genotype)
        self.extra = {"skip_share": share}
        super().on_train_epoch_end(trainer, module)
        searched = trainer.current_epoch - self.config.search.warmup_epochs
        passed = searched >= 0 and share > self.config.search.stop_skip_share
        if not passed or searched == 0:
            self.found = genotype
        trainer.should_stop |= passed


def find_genotype(config: Config, run: RunFolder, channel: Channel) -> Genotype:
    """Searches with a supernet, as `search.strategy` says; `random` draws a genotype, the control for the others.

    The result is as wide as `network.max_parameters` allows, whatever the width of the supernet.
    """
    fronts = cell_fronts(config.network, *geometry(config))
    if config.search.strategy == "random":
        return drawn(config.network, config.seed, fronts)
    return widest(_searched(config, run, channel), fronts, config.network.max_parameters)


def _searched(config: Config, run: RunFolder, channel: Channel) -> Genotype:
    task = make_task(config)
    data = task.training_set()
    report = SearchReport(run, channel, config)
    callbacks: list[Callback] = [report, EpochDraws(data), *keep_checkpoint(run.path, "supernet")]
    options = trainer_options(run, config, "supernet", config.search.epochs, callbacks)
    if options["accelerator"] == "cpu":
        options["precision"] = "32-true"  # of training/precision.py; a supernet has every operation
    evaluator = Lightning(
        SupernetTraining(task, config.search.learning_rate),
        Trainer(**options),
        **_halves(config, data),
        fit_kwargs=resume_from(run.path, "supernet"),
    )
    narrow = replace(config.network, width=config.search.width or config.network.width)
    share = config.search.partial_channels if config.search.strategy == "darts" else 1
    method = _method(config)
    front = make_front(config.network, *geometry(config))
    space = NasUnetSpace(narrow, front, share, recompute=config.search.strategy == "parsec")
    method.initialize(RawFormatModelSpace.from_model(space, evaluator), SequentialExecutionEngine())
    with interruptible():
        method.run()
    if config.search.strategy == "one_path":
        return _evolved(report.supernet, config, data)
    assert report.found is not None
    return report.found


@torch.no_grad()
def _evolved(supernet: Any, config: Config, data: Samples) -> Genotype:
    """The cells whose path through the trained supernet has the lowest loss on the architecture's half.

    Batch norm takes the statistics of the batch: those that it kept are of all paths together.
    """
    training, network, search = supernet.training_module, config.network, config.search
    training.to("cuda" if uses_gpu(config) else "cpu").train()
    device = next(training.parameters()).device
    batches = [[part.to(device) for part in batch] for batch in _halves(config, data)["val_dataloaders"]]
    prepared = [training.prepare(batch) for batch in batches]

    def loss(path: Path) -> float:
        take_path(training, path)
        image = training.model.network.image
        return fmean(float(training.task.terms(image(features), batch)["loss"]) for features, batch in prepared)

    choices = {label: candidates_of_supernet(label, network.operations) for label in labels(network.nodes)}
    tried = evolved(loss, choices, population=search.candidates, generations=search.generations, seed=config.seed)
    best = min(tried, key=lambda path: tried[path])
    spread = f"loss {tried[best]:.4f} at best, median {median(tried.values()):.4f}"
    sys.stdout.write(f"one path: {len(tried)} cells on the supernet, {spread}\n")
    sys.stdout.flush()
    size = {"depth": network.depth, "width": network.width, "nodes": network.nodes}
    return Genotype.from_sample(dict(zip(choices, best, strict=True)), **size)


def _halves(config: Config, data: Samples) -> dict[str, Any]:
    """Of the training split: every other model for the weights, the rest for the architecture."""
    samples = min(config.search.samples, len(data))
    weights, architecture = (
        loader(
            Subset(data, range(start, samples, 2)), config.training.batch_size, shuffle=True, seed=config.seed + start
        )
        for start in (0, 1)
    )
    return {"train_dataloaders": weights, "val_dataloaders": architecture}


def _method(config: Config) -> Any:
    search = config.search
    options = {
        "arc_learning_rate": search.arch_learning_rate,
        "warmup_epochs": search.warmup_epochs,
        "gradient_clip_val": GRADIENT_CLIP,
    }
    if search.strategy == "darts":
        return Darts(**options, mutation_hooks=[MixedEdge.mutate])
    if search.strategy == "gumbel":
        return Gumbel(**options, mutation_hooks=[PathEdge.mutate])
    if search.strategy == "one_path":
        return Parsec(**options | {"warmup_epochs": search.epochs}, mutation_hooks=[PathEdge.mutate], architectures=1)
    assert search.strategy == "parsec", search.strategy
    return Parsec(**options, mutation_hooks=[PathEdge.mutate], architectures=search.architectures)
