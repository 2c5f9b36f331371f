"""The stage before labels: a GAN or a masked autoencoder on unlabelled samples.

    samples ─► GanTraining | Autoencoding ─► encoder.safetensors, decoder.safetensors, generator.safetensors

Each epoch leaves a line in metrics.jsonl, pictures in TensorBoard and a checkpoint; started again in the same folder
it continues from there, to the same bits.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import TensorBoardLogger
from torch.utils.data import DataLoader
from torchvision.utils import make_grid

from datagen.errors import InputError
from datagen.full_disk import report_unwritable
from datagen.generate import ensure
from search_spaces.build import network_behind
from search_spaces.networks.contract import SingleChannel
from trials.pretraining.autoencoder import Autoencoding
from trials.pretraining.gan_training import GanTraining
from trials.pretraining.pretrain_data import Samples, make_samples
from trials.running.checkpoint import EPOCHS_KEPT, checkpoint_path, keep_checkpoint, remove_checkpoints, resume_from
from trials.running.identity import differences
from trials.running.quiet import quiet_libraries
from trials.running.run_folder import RunFolder
from trials.settings.config import Config
from trials.training.fit import interruptible, trainer_options
from trials.training.transferring.gan import plain_encoder
from trials.training.transferring.pretrained_files import save_part

PICTURES = 16
JUDGED = 256  # samples, at the end
STATISTICS = 256  # samples for the batch norms of the saved encoder

Training = GanTraining | Autoencoding


class PretrainReport(Callback):
    """At the end of each epoch: a line in metrics.jsonl and a sheet of pictures in TensorBoard.

    Checkpoints preserve `seconds`, the core time of the training.
    """

    def __init__(self, run: RunFolder) -> None:
        self.run = run
        self.seconds, self._lap = 0.0, 0.0

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self.run.forget_metrics("pretrain", trainer.current_epoch)

    def on_train_epoch_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self._lap = time.process_time()

    def state_dict(self) -> dict[str, Any]:
        return {"seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.seconds = state_dict["seconds"]

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        assert isinstance(module, Training)
        self.seconds += time.process_time() - self._lap
        losses = {name: float(value) for name, value in trainer.callback_metrics.items() if name.startswith("train_")}
        judged = module.judge()
        self.run.add_metrics({"phase": "pretrain", "epoch": trainer.current_epoch, **losses, **judged})
        sheet = make_grid(module.pictures(PICTURES), nrow=PICTURES // 2, normalize=True, pad_value=0.5)
        for logger in trainer.loggers:
            logger.log_metrics(judged, trainer.current_epoch)
            if isinstance(logger, TensorBoardLogger):
                logger.experiment.add_image("samples", sheet, trainer.current_epoch)


def pretrain(config: Config, run: RunFolder, report: Callable[[str], object]) -> dict[str, Any]:
    """Trains in the run folder and saves the weights there; returns the final metrics.

    Raises
    ------
    InputError
        As `make_samples`; the folder has a checkpoint of other settings or one that cannot be read; the disk is full.
    """
    quiet_libraries()
    checkpoint = checkpoint_path(run.path, "pretrain")
    if checkpoint.exists():
        _require_same(run, config, checkpoint)
    run.start(config, "pretrain")
    if config.pretrain.source != "gathers":
        ensure(config.data)
    samples = make_samples(config, report)
    rows, columns = samples.size
    report(f"pretraining on {len(samples.values_N1ZX)} samples of {rows} x {columns}")
    pl.seed_everything(config.seed, verbose=False)
    training = GanTraining(config, samples) if config.pretrain.kind == "gan" else Autoencoding(config, samples)
    epochs, keep = PretrainReport(run), keep_checkpoint(run.path, "pretrain")
    options = trainer_options(run, config, "pretrain", config.pretrain.epochs, [epochs, *keep])
    with report_unwritable(run.path, EPOCHS_KEPT):
        with interruptible():
            pl.Trainer(**options).fit(
                training,
                DataLoader(range(config.pretrain.epoch_steps), batch_size=None),  # type: ignore[arg-type]  # numbers
                **resume_from(run.path, "pretrain"),
            )
        save_parts(training.cpu(), config, samples, run.path)
        result = training.judge(config.seed + 1, JUDGED) | {"run": str(run.path), "seconds": epochs.seconds}
        run.finish(result)
        remove_checkpoints(run.path)
    return result


def save_parts(training: Training, config: Config, samples: Samples, folder: Path) -> None:
    """The files of trials/training/transferring/pretrained_files.py."""
    facts = samples.facts | {
        "kind": config.pretrain.kind,
        "network": asdict(replace(config.network, encoder_init="scratch", decoder_init="scratch")),
        "size": samples.size,
        "limit": samples.limit,
    }
    if isinstance(training, Autoencoding):
        encoder, decoder = training.network.encoder, training.network.decoder
    else:
        order = torch.randperm(len(samples.values_N1ZX), generator=torch.Generator().manual_seed(config.seed))
        fresh = network_behind(SingleChannel(), config.network).encoder
        encoder = plain_encoder(training.discriminator, fresh, samples.values_N1ZX[order[:STATISTICS]])
        decoder = training.average.decoder
        generator = facts | {"part": "generator", "latent": config.pretrain.latent}
        save_part(folder / "generator.safetensors", training.average.state_dict(), generator)
    save_part(folder / "encoder.safetensors", encoder.state_dict(), facts | {"part": "encoder"})
    save_part(folder / "decoder.safetensors", decoder.state_dict(), facts | {"part": "decoder"})


def _require_same(run: RunFolder, config: Config, checkpoint: Path) -> None:
    if other := differences(run.config, config, "pretrain"):
        raise InputError(
            f"{checkpoint}: of a training with another {', '.join(other)}; give the same settings to continue, "
            "another --run, or remove the file to start afresh"
        )
