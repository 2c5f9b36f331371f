"""Checkpoints of a training under way: one file per phase in the run folder, rewritten after each epoch.

    tune-checkpoint.ckpt.tmp ──► tune-checkpoint.ckpt        in one step, so a kill leaves the old one or the new one

A checkpoint holds weights, their average, optimisers, schedule, the callbacks' state and whether the training had
ended early: tensors, numbers and text.  Only these are read, because a run folder may come from elsewhere.
"""

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins import TorchCheckpointIO
from pytorch_lightning.callbacks import Callback, ModelCheckpoint

from datagen.errors import InputError
from datagen.files.whole_files import sync, temporary_path, whole

ENDED = "ended"  # key of the checkpoint
KEYS = {"callbacks", "epoch", "global_step", "loops", "lr_schedulers", "optimizer_states", "state_dict"}  # Lightning's

EPOCHS_KEPT = "it continues from the last checkpoint"


class WholeFiles(TorchCheckpointIO):
    """Writes in one step: Lightning moves a file from /tmp, on another file system a copy that can be cut off.

    Reads without calling anything a file names: PyTorch's `weights_only`, with no additions to its allowed types.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        file = Path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        with whole(file) as part:
            with part.open("wb") as stream:  # a stream reports a full disk, a path does not
                torch.save(checkpoint, stream)
            sync(part)  # a power cut after the replacement must not leave an empty file

    def load_checkpoint(self, path: Any, map_location: Any = "cpu", weights_only: bool | None = True) -> dict[str, Any]:
        """Raises InputError if the file is damaged or holds anything but a training's state."""
        try:
            checkpoint: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
            missing = KEYS - checkpoint.keys()
        except Exception as error:  # an unpickler can raise anything
            reason = error.strerror if isinstance(error, OSError) else None
            raise _unusable(path, reason or "it is damaged, or holds more than tensors, numbers and text") from None
        if missing:
            raise _unusable(path, f"it is not a checkpoint of a training: {', '.join(sorted(missing))} missing")
        return checkpoint


def _unusable(path: Any, reason: str) -> InputError:
    return InputError(f"{path}: cannot be read: {reason}; remove the file to start this training afresh")


class EndOnce(Callback):
    """A training that had stopped early, and was killed then, does not continue.

    Comes after the callbacks that stop it, in the list.
    """

    def __init__(self) -> None:
        self.ended = False

    def on_save_checkpoint(self, trainer: pl.Trainer, module: pl.LightningModule, checkpoint: dict[str, Any]) -> None:
        checkpoint[ENDED] = trainer.should_stop

    def on_load_checkpoint(self, trainer: pl.Trainer, module: pl.LightningModule, checkpoint: dict[str, Any]) -> None:
        self.ended = checkpoint.get(ENDED, False)

    def on_fit_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        trainer.should_stop |= self.ended


def checkpoint_path(folder: Path, phase: str) -> Path:
    return folder / f"{phase}-checkpoint.ckpt"


def keep_checkpoint(folder: Path, phase: str) -> list[Callback]:
    """The callbacks that write the checkpoint."""
    name = checkpoint_path(folder, phase).stem
    return [EndOnce(), ModelCheckpoint(folder, filename=name, enable_version_counter=False)]


def resume_from(folder: Path, phase: str) -> dict[str, Any]:
    """For `Trainer.fit`: the checkpoint, if there is one."""
    checkpoint = checkpoint_path(folder, phase)
    return {"ckpt_path": str(checkpoint) if checkpoint.exists() else None}


def remove_checkpoints(folder: Path) -> None:
    """Checkpoints are for a run under way; a finished one has its weights."""
    kept = "*-checkpoint.ckpt"
    for file in [*folder.glob(kept), *folder.glob(temporary_path(folder / kept).name)]:
        file.unlink()
