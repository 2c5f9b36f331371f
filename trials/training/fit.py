"""Training and scoring of one network, the same way for every stage and every model.

    Muon · one-cycle learning rate · gradients clipped · moving average of the weights · mirrored samples

A run leaves a line per epoch in metrics.jsonl, TensorBoard logs, a picture and a checkpoint; started again in the same
folder it continues from the checkpoint, to the same network as without the interruption.
"""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from pytorch_lightning.callbacks import Callback, EarlyStopping, ModelCheckpoint, RichProgressBar
from pytorch_lightning.loggers import TensorBoardLogger
from torch import nn
from torch.utils._pytree import tree_leaves

from datagen.dataset import ShardDataset, loader
from trials.running.channel import Channel
from trials.running.checkpoint import WholeFiles, keep_checkpoint, resume_from
from trials.running.devices import device_count, helper_processes, rank, shared, uses_gpu
from trials.running.end_between_batches import EndBetweenBatches
from trials.running.run_folder import RunFolder
from trials.settings.config import Config
from trials.training.averaging import MovingAverage
from trials.training.budget import TimeBudget
from trials.training.module import TaskModule
from trials.training.pictures.epochs import EpochPictures
from trials.training.precision import precision
from trials.training.tasks import Samples, make_task
from trials.training.teacher import load_teacher

GRADIENT_CLIP = 1.0  # norm of all gradients together


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One training within a run: how long and how fast the network learns."""

    name: str  # in metrics.jsonl, TensorBoard and the checkpoint
    epochs: int
    learning_rate: float  # the highest of the one-cycle schedule
    minutes: float = 0.0  # above 0: the training's length, whatever `epochs` says
    until: int | None = None  # pauses after so many of the epochs; a later call goes on


class EpochReport(Callback):
    """At the end of each epoch: a line in metrics.jsonl, one in the log, and an intermediate result to NNI."""

    def __init__(self, run: RunFolder, channel: Channel, phase: str, quality: str) -> None:
        """`quality`: name of the score that NNI shows, on the validation split if there is one."""
        self.run, self.channel, self.phase, self.quality = run, channel, phase, quality
        self.extra: dict[str, float] = {}  # metrics that a subclass adds
        self.begun = 0.0

    def on_train_epoch_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self.begun = time.monotonic()

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Drops the line of an epoch that was reported but cut off before its checkpoint: it will be repeated."""
        if trainer.is_global_zero:
            self.run.forget_metrics(self.phase, trainer.current_epoch)
            self.channel.sequence = len(self.run.metrics)

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        metrics = {
            name: float(value)
            for name, value in trainer.callback_metrics.items()
            if name.startswith(("train_", "val_"))
        } | self.extra
        if trainer.is_global_zero:
            self.run.add_metrics({"phase": self.phase, "epoch": trainer.current_epoch, **metrics})
            # Of a training without validation, such as a search, its own score; train_ssim of the others is a loss.
            score = f"val_{self.quality}" if f"val_{self.quality}" in metrics else f"train_{self.quality}"
            self.channel.intermediate({"default": metrics[score], "epoch": len(self.run.metrics), **metrics})
            if not sys.stderr.isatty():  # a terminal has a bar
                self._write_line(trainer, metrics, score)

    def _write_line(self, trainer: pl.Trainer, metrics: dict[str, float], score: str) -> None:
        last = trainer.max_epochs or -1
        epoch = f"epoch {trainer.current_epoch + 1}" + (f" of {last}" if last > 0 else "")
        names = ("train_loss", score, "val_correlation")
        scores = [f"{name} {metrics[name]:.4f}" for name in names if name in metrics]
        line = ", ".join([epoch, f"{time.monotonic() - self.begun:.0f} s", *scores])
        sys.stdout.write(f"{self.phase}: {line}\n")
        sys.stdout.flush()


class EpochDraws(Callback):
    """Each epoch has its own seed, so that a resumed training sees the same order and draws."""

    def __init__(self, dataset: Samples) -> None:
        self.dataset = dataset

    def on_train_epoch_start(self, trainer: Any, module: pl.LightningModule) -> None:
        self.dataset.epoch = trainer.current_epoch  # effects
        loaders = tree_leaves(trainer.train_dataloader)  # two in a search
        seeds = np.random.SeedSequence([self.dataset.seed, trainer.current_epoch]).generate_state(len(loaders))
        torch.manual_seed(int(seeds[0]) + rank())  # mirrorings, dropout, paths of a supernet
        for loader_, seed in zip(loaders, seeds, strict=True):
            loader_.batch_sampler.sampler.generator.manual_seed(int(seed))  # order, the same in all processes


def trainer_options(
    run: RunFolder,
    config: Config,
    phase: str,
    epochs: int,
    callbacks: list[Callback],
    *,
    devices: int = 1,
    network: nn.Module | None = None,
) -> dict[str, Any]:
    """This project's defaults: device auto, AMP on GPUs, TensorBoard, a progress bar on terminals only.

    `epochs` −1: a callback ends the training.  `devices` above 1: within `devices.helper_processes`.  `network`: if
    given, checked for bfloat16.
    """
    gpu = uses_gpu(config)
    terminal = sys.stderr.isatty() and rank() == 0
    return {
        "max_epochs": epochs,
        "accelerator": "gpu" if gpu else "cpu",
        "devices": devices,
        "strategy": "ddp" if devices > 1 else "auto",
        "use_distributed_sampler": False,  # devices.shared does that
        "plugins": [WholeFiles(), LightningEnvironment()],
        "precision": precision(config, gpu, network),
        "logger": TensorBoardLogger(run.path / "tensorboard", name=phase, version=""),
        "callbacks": [*callbacks, EndBetweenBatches(), *([RichProgressBar()] if terminal else [])],
        "enable_progress_bar": terminal,
        "enable_model_summary": False,
        "enable_checkpointing": any(isinstance(item, ModelCheckpoint) for item in callbacks),
        "log_every_n_steps": 1,
        "num_sanity_val_steps": 0,
    }


@contextmanager
def interruptible() -> Iterator[None]:
    """Ctrl-C stays a KeyboardInterrupt; Lightning turns it into an exit with status 1, and ignores further ones."""
    try:
        yield
    except SystemExit as end:
        if not isinstance(end.__context__, KeyboardInterrupt):
            raise
        signal.signal(signal.SIGINT, signal.default_int_handler)
        raise KeyboardInterrupt from None


def fit(
    network: nn.Module,
    config: Config,
    run: RunFolder,
    channel: Channel,
    phase: Phase,
    callbacks: tuple[Callback, ...] = (),
) -> dict[str, float]:
    """Trains `network` in place on the training split; returns its scores on the validation split.

    Several devices share the batches.
    """
    help_out = partial(_train, network, config, run, Channel(), phase, callbacks)
    with helper_processes(device_count(config), uses_gpu(config), help_out):
        _train(network, config, run, channel, phase, callbacks)
    return evaluate(network, config, "validation")


def _train(
    network: nn.Module,
    config: Config,
    run: RunFolder,
    channel: Channel,
    phase: Phase,
    callbacks: tuple[Callback, ...],
) -> None:
    """The work of each process of a training."""
    task = make_task(config)
    train, validation = task.training_set(), task.scoring_set("validation")
    batch_size, devices = min(config.training.batch_size, len(train)), device_count(config)
    network.train()  # Lightning keeps modes, and a pruned network arrives in evaluation mode
    budget = TimeBudget(phase.minutes) if phase.minutes > 0 else None
    epochs = -1 if budget else phase.until or phase.epochs
    module = TaskModule(
        network,
        task,
        learning_rate=phase.learning_rate,
        weight_decay=config.training.weight_decay,
        optimizer=config.training.optimizer,
        epochs=phase.epochs,
        budget=budget,
        teacher=load_teacher(config),
    )
    # The average comes last: it uses the weights as left by the callbacks before it.
    keep = keep_checkpoint(run.path, phase.name)
    report = [EpochReport(run, channel, phase.name, task.quality), *_pictures(config, run, phase, validation)]
    recipe = [*report, *keep, *callbacks, *_recipe(config, train, budget)]
    options = trainer_options(run, config, phase.name, epochs, recipe, devices=devices, network=network)
    with interruptible():
        pl.Trainer(**options, gradient_clip_val=GRADIENT_CLIP).fit(
            module,
            shared(loader(train, batch_size, shuffle=True, seed=config.seed), devices),
            loader(validation, batch_size),
            **resume_from(run.path, phase.name),
        )


def _pictures(config: Config, run: RunFolder, phase: Phase, validation: Samples) -> list[Callback]:
    """A picture of each epoch, if the network predicts images."""
    pictures = make_task(config).output.pictures
    if not pictures or not isinstance(validation, ShardDataset):
        return []
    return [EpochPictures(run, phase.name, config.data.grid, pictures, validation.targets)]


def _recipe(config: Config, train: Samples, budget: TimeBudget | None) -> list[Callback]:
    """The callbacks that the configuration asks for; MovingAverage is the last."""
    callbacks: list[Callback] = [EpochDraws(train)]
    if budget is not None:
        callbacks.append(budget)
    if config.training.patience > 0:
        callbacks.append(
            EarlyStopping(f"val_{make_task(config).quality}", mode="max", patience=config.training.patience)
        )
    if config.training.ema > 0:
        callbacks.append(MovingAverage(config.training.ema))
    return callbacks


def evaluate(network: nn.Module, config: Config, split: str) -> dict[str, float]:
    """Scores of `network` over a split (tasks.py)."""
    return make_task(config).evaluate(network, split)
