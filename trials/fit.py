"""Training and scoring of one network, the same way for every stage and every model.

    AdamW · one-cycle learning rate · gradients clipped · moving average of the weights · mirrored samples

Under way a run leaves a line an epoch in metrics.jsonl, TensorBoard logs and a checkpoint; started again in the
same folder it goes on from the checkpoint, to the same network as without the interruption.
"""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, EarlyStopping, ModelCheckpoint, RichProgressBar
from pytorch_lightning.loggers import TensorBoardLogger
from torch import nn
from torch.utils.data import RandomSampler

from datagen.dataset import ShardDataset, loader
from trials.averaging import MovingAverage
from trials.budget import TimeBudget
from trials.channel import Channel
from trials.config import Config
from trials.gather_set import GatherSet, gather_set
from trials.metrics import scores
from trials.module import Imaging
from trials.picking import Picking, evaluate_picks
from trials.run_folder import RunFolder
from trials.teacher import teacher_of

SCORES = ("val_ssim", "val_hit_5", "train_ssim", "train_hit_5")  # of an epoch, whichever there is
GRADIENT_CLIP = 1.0  # norm of all gradients together


class EpochReport(Callback):
    """At the end of each epoch: a line in metrics.jsonl and an intermediate result to NNI."""

    def __init__(self, run: RunFolder, channel: Channel, phase: str) -> None:
        self.run, self.channel, self.phase = run, channel, phase
        self.extra: dict[str, float] = {}  # metrics that a subclass adds

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        metrics = {
            name: float(value)
            for name, value in trainer.callback_metrics.items()
            if name.startswith(("train_", "val_"))
        } | self.extra
        self.run.add_metrics({"phase": self.phase, "epoch": trainer.current_epoch, **metrics})
        score = next(metrics[name] for name in SCORES if name in metrics)
        self.channel.intermediate({"default": score, "epoch": len(self.run.metrics), **metrics})


class EpochDraws(Callback):
    """Each epoch has a seed of its own, so that a resumed training sees the order and the draws it would have."""

    def __init__(self, dataset: ShardDataset | GatherSet) -> None:
        self.dataset = dataset

    def on_train_epoch_start(self, trainer: Any, module: pl.LightningModule) -> None:
        self.dataset.epoch = trainer.current_epoch  # effects
        seed = int(np.random.SeedSequence([self.dataset.seed, trainer.current_epoch]).generate_state(1)[0])
        torch.manual_seed(seed)  # mirrorings, dropout
        sampler = getattr(trainer.train_dataloader, "sampler", None)
        if isinstance(sampler, RandomSampler):  # on several GPUs Lightning puts one that knows the epoch
            sampler.generator.manual_seed(seed)  # order


def training_set(config: Config) -> ShardDataset | GatherSet:
    """What networks are trained on, varied and disturbed as the configuration says."""
    if config.target == "first_break":
        return gather_set(config, "train", varied=True)
    return ShardDataset(
        config.data.folder,
        "train",
        config.target,
        mirror=config.tune.mirror,
        effects=config.effects,
        seed=config.seed,
    )


def scoring_set(config: Config, split: str) -> ShardDataset | GatherSet:
    """What networks are scored on: as it is stored."""
    if config.target == "first_break":
        return gather_set(config, split)
    return ShardDataset(config.data.folder, split, config.target)


def trainer_options(
    run: RunFolder, config: Config, phase: str, epochs: int, callbacks: list[Callback]
) -> dict[str, Any]:
    """This project's habits: device auto, AMP on GPUs, TensorBoard, a progress bar on terminals only.

    `epochs` −1: a callback ends the training.
    """
    gpu = config.device == "cuda" or (config.device == "auto" and torch.cuda.is_available())
    terminal = sys.stderr.isatty()
    return {
        "max_epochs": epochs,
        "accelerator": "gpu" if gpu else "cpu",
        "devices": "auto" if gpu else 1,
        "precision": _precision(config, gpu),
        "logger": TensorBoardLogger(run.path / "tensorboard", name=phase, version=""),
        "callbacks": [*callbacks, *([RichProgressBar()] if terminal else [])],
        "enable_progress_bar": terminal,
        "enable_model_summary": False,
        "enable_checkpointing": any(isinstance(item, ModelCheckpoint) for item in callbacks),
        "log_every_n_steps": 1,
        "num_sanity_val_steps": 0,
    }


def _precision(config: Config, gpu: bool) -> str:
    """Mixed where the device has it; bfloat16 before float16, because it needs no loss scaling."""
    if config.precision == "full" or (config.precision == "auto" and not gpu):
        return "32-true"
    return "bf16-mixed" if not gpu or torch.cuda.is_bf16_supported(including_emulation=False) else "16-mixed"


@contextmanager
def interruptible() -> Iterator[None]:
    """Ctrl-C stays a KeyboardInterrupt; Lightning makes it an exit with status 1, and is deaf to further ones."""
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
    *,
    phase: str,
    epochs: int,
    learning_rate: float,
    minutes: float = 0.0,
    callbacks: tuple[Callback, ...] = (),
) -> dict[str, float]:
    """Trains `network` in place on the training split; returns its scores on the validation split.

    Lasts `epochs`, or `minutes` if they are above 0.
    """
    train = training_set(config)
    validation = scoring_set(config, "validation")
    batch_size = min(config.tune.batch_size, len(train))
    network.train()  # Lightning leaves modes as they are, and a pruned network comes in evaluation mode
    budget = TimeBudget(minutes) if minutes > 0 else None
    options: dict[str, Any] = {
        "learning_rate": learning_rate,
        "weight_decay": config.tune.weight_decay,
        "budget": budget,
        "teacher": teacher_of(config),
    }
    if config.target == "first_break":
        interval = config.data.survey.interval
        module: Imaging = Picking(network, config.loss, width=config.picking.width, interval=interval, **options)
    else:
        module = Imaging(network, config.loss, **options)
    keep = ModelCheckpoint(run.path, filename=f"{phase}-checkpoint", enable_version_counter=False)
    # The average comes last: it takes the weights as the callbacks before it have left them.
    recipe = [EpochReport(run, channel, phase), keep, *callbacks, *_recipe(config, train, budget)]
    checkpoint = run.path / f"{phase}-checkpoint.ckpt"
    trainer = pl.Trainer(
        **trainer_options(run, config, phase, -1 if budget else epochs, recipe), gradient_clip_val=GRADIENT_CLIP
    )
    with interruptible():
        trainer.fit(
            module,
            loader(train, batch_size, shuffle=True, seed=config.seed),
            loader(validation, batch_size),
            ckpt_path=str(checkpoint) if checkpoint.exists() else None,
            weights_only=False,  # our own file, with the state of optimizer and schedule
        )
    return evaluate(network, config, "validation")


def _recipe(config: Config, train: ShardDataset | GatherSet, budget: TimeBudget | None) -> list[Callback]:
    """The callbacks that the configuration asks for; MovingAverage is the last."""
    callbacks: list[Callback] = [EpochDraws(train)]
    if budget is not None:
        callbacks.append(budget)
    if config.tune.patience > 0:
        callbacks.append(EarlyStopping(f"val_{config.quality}", mode="max", patience=config.tune.patience))
    if config.tune.ema > 0:
        callbacks.append(MovingAverage(config.tune.ema))
    return callbacks


@torch.no_grad()
def evaluate(network: nn.Module, config: Config, split: str) -> dict[str, float]:
    """Mean scores of `network` over a split: ssim, mae, rmse, psnr; of a picker mae_ms, median_ms, hit_k."""
    if config.target == "first_break":
        return evaluate_picks(network, gather_set(config, split))
    dataset = ShardDataset(config.data.folder, split, config.target)
    device = next(network.parameters()).device
    network.eval()
    rows = []
    for shots_BSTR, target_B1ZX in loader(dataset, batch_size=32):
        rows.append(scores(network(shots_BSTR.to(device)), target_B1ZX.to(device)))
    return {name: float(torch.cat([row[name] for row in rows]).mean()) for name in rows[0]}


def remove_checkpoints(folder: Path) -> None:
    """Checkpoints are for a run under way; a finished one has its weights."""
    for file in folder.glob("*-checkpoint.ckpt"):
        file.unlink()
