"""Training and scoring of one network, the same way for every stage.

Under way a run leaves a line an epoch in metrics.jsonl, TensorBoard logs and a checkpoint; started again in the
same folder it goes on from the checkpoint.
"""

import sys
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, ModelCheckpoint, RichProgressBar
from pytorch_lightning.loggers import TensorBoardLogger
from torch import nn

from datagen.dataset import ShardDataset, loader
from trials.channel import Channel
from trials.config import Config
from trials.metrics import scores
from trials.module import Imaging
from trials.run_folder import RunFolder


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
        score = metrics["val_ssim"] if "val_ssim" in metrics else metrics["train_ssim"]
        self.channel.intermediate({"default": score, **metrics})


class NewEffects(Callback):
    """Tells the data set the epoch, from which it draws its effects: a run that goes on draws what it would have."""

    def __init__(self, dataset: ShardDataset) -> None:
        self.dataset = dataset

    def on_train_epoch_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self.dataset.epoch = trainer.current_epoch


def training_set(config: Config) -> ShardDataset:
    """What networks are trained on, mirrored and disturbed as the configuration says."""
    return ShardDataset(
        config.data.folder,
        "train",
        config.target,
        mirror=config.tune.mirror,
        effects=config.effects,
        seed=config.seed,
    )


def trainer_options(
    run: RunFolder, config: Config, phase: str, epochs: int, callbacks: list[Callback]
) -> dict[str, Any]:
    """This project's habits: device auto, AMP on GPUs, TensorBoard, a progress bar on terminals only."""
    gpu = config.device == "cuda" or (config.device == "auto" and torch.cuda.is_available())
    terminal = sys.stderr.isatty()
    return {
        "max_epochs": epochs,
        "accelerator": "gpu" if gpu else "cpu",
        "devices": "auto" if gpu else 1,
        "precision": "16-mixed" if gpu else "32-true",
        "logger": TensorBoardLogger(run.path / "tensorboard", name=phase, version=""),
        "callbacks": [*callbacks, *([RichProgressBar()] if terminal else [])],
        "enable_progress_bar": terminal,
        "enable_model_summary": False,
        "enable_checkpointing": any(isinstance(item, ModelCheckpoint) for item in callbacks),
        "log_every_n_steps": 1,
        "num_sanity_val_steps": 0,
    }


def fit(
    network: nn.Module,
    config: Config,
    run: RunFolder,
    channel: Channel,
    *,
    phase: str,
    epochs: int,
    learning_rate: float,
    callbacks: tuple[Callback, ...] = (),
) -> dict[str, float]:
    """Trains `network` in place on the training split; returns its scores on the validation split."""
    train = training_set(config)
    validation = ShardDataset(config.data.folder, "validation", config.target)
    batch_size = min(config.tune.batch_size, len(train))
    network.train()  # Lightning leaves modes as they are, and a pruned network comes in evaluation mode
    module = Imaging(network, config.loss, learning_rate=learning_rate, weight_decay=config.tune.weight_decay)
    keep = ModelCheckpoint(run.path, filename=f"{phase}-checkpoint", enable_version_counter=False)
    own: list[Callback] = [EpochReport(run, channel, phase), keep, NewEffects(train)]
    options = trainer_options(run, config, phase, epochs, [*own, *callbacks])
    checkpoint = run.path / f"{phase}-checkpoint.ckpt"
    pl.Trainer(**options, gradient_clip_val=1.0).fit(
        module,
        loader(train, batch_size, shuffle=True, seed=config.seed),
        loader(validation, batch_size),
        ckpt_path=str(checkpoint) if checkpoint.exists() else None,
        weights_only=False,  # our own file, with the state of optimizer and schedule
    )
    return evaluate(network, config, "validation")


@torch.no_grad()
def evaluate(network: nn.Module, config: Config, split: str) -> dict[str, float]:
    """Mean scores of `network` over a split: ssim, mae, rmse, psnr."""
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
