"""Pictures of the same validation models, predicted after each epoch: how a network grows sharper.

    run folder/predictions/tune-003.png        epochs 1 … 9, 10, 20 … 90, 100, 200 … and the latest
    TensorBoard                                all that were drawn

The predictions are those of the validation, by the averaged weights, so that a picture costs its drawing only.  Drawing
takes at most a hundredth of the time: of epochs of less than some seconds, not each has a picture, but the last has.
"""

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback
from torch import Tensor

from compressors.outputs import Picture
from datagen.config import Grid
from datagen.files.whole_files import whole
from datagen.targets import Target
from trials.running.run_folder import PREDICTIONS, RunFolder
from trials.training.metrics import ssim
from trials.training.pictures.names import picture_name
from trials.training.pictures.sheet import Row, draw_sheet

SHARE = 0.01  # of the time, at most
ROWS = 4  # of a sheet, about: two models with two pictures each, or four with one


class EpochPictures(Callback):
    """Draws the first models of the validation split."""

    def __init__(
        self, run: RunFolder, phase: str, grid: Grid, pictures: Sequence[Picture], targets: Sequence[Target]
    ) -> None:
        """`pictures` and `targets`: of each channel of a prediction."""
        self.folder, self.phase, self.grid = run.path / PREDICTIONS, phase, grid
        self.pictures, self.targets = pictures, targets
        self.due = -math.inf  # [s of time.monotonic] the next picture is not drawn before
        self.latest: Path | None = None

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        begun, epoch = time.monotonic(), trainer.current_epoch + 1
        wanted = begun >= self.due or epoch == trainer.max_epochs
        if batch_idx > 0 or not trainer.is_global_zero or trainer.sanity_checking or not wanted:
            return
        sheet = draw_sheet(self._rows(outputs, batch[1]), self.grid, f"epoch {epoch}")
        with whole(self._file(epoch)) as part:
            sheet.save(part, format="png")
        board: Any = trainer.logger  # TensorBoard's
        board.experiment.add_image("truth, prediction, difference", np.asarray(sheet), epoch, dataformats="HWC")
        self._forget(epoch)
        self.due = begun + (time.monotonic() - begun) / SHARE

    def _rows(self, prediction_BCZX: Tensor, truth_BCZX: Tensor) -> list[Row]:
        rows = []
        for model in range(min(len(truth_BCZX), max(1, ROWS // len(self.pictures)))):
            for channel, (picture, target) in enumerate(zip(self.pictures, self.targets, strict=True)):
                pair = [each[model, channel].detach().float().cpu() for each in (truth_BCZX, prediction_BCZX)]
                truth_ZX, prediction_ZX = (target.denormalise(each).numpy() for each in pair)
                rows.append(
                    Row(
                        label=f"{picture.name} {model + 1}",
                        picture=picture,
                        truth_ZX=truth_ZX,
                        prediction_ZX=prediction_ZX,
                        ssim=float(ssim(pair[1][None, None], pair[0][None, None])),
                    )
                )
        return rows

    def _file(self, epoch: int) -> Path:
        self.folder.mkdir(exist_ok=True)
        return self.folder / picture_name(self.phase, epoch)

    def _forget(self, epoch: int) -> None:
        """Removes the picture before this one unless its epoch is a round one."""
        if self.latest is not None and not is_round(int(self.latest.stem.rpartition("-")[2])):
            self.latest.unlink(missing_ok=True)
        self.latest = self._file(epoch)


def is_round(epoch: int) -> bool:
    """Whether it has one digit and zeros: 7, 40, 300."""
    return epoch % int(10 ** math.floor(math.log10(epoch))) == 0
