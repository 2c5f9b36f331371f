"""What a network makes of one validation sample, epoch by epoch: in TensorBoard, and as prediction.png of the run.

truth │ prediction      a row for each image of the output: velocity, RTM image
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
from numpy.typing import NDArray
from PIL import Image
from pytorch_lightning.callbacks import Callback
from torch import Tensor

from compressors.outputs import Picture
from datagen.files.whole_files import whole

FILE = "prediction.png"
SMALLEST = 400  # pixels across, of which each cell is a whole number
LOUD = 99.5  # percentile of the truth's amplitudes that is drawn in white


class EpochPicture(Callback):
    """Draws the first validation sample of a task with `pictures` at the end of each epoch."""

    def __init__(self, run: Path, pictures: tuple[Picture, ...]) -> None:
        self.file, self.pictures = run / FILE, pictures

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        module: pl.LightningModule,
        outputs: Any,  # the predictions, as validation_step returns them
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        if batch_idx or not trainer.is_global_zero or not self.pictures:
            return
        gray_HW = side_by_side(_values(batch[1]), _values(outputs), self.pictures)
        board: Any = trainer.logger
        board.experiment.add_image("truth and prediction", gray_HW, trainer.current_epoch, dataformats="HW")
        with whole(self.file) as part:
            Image.fromarray(gray_HW).save(part, format="png")


def side_by_side(truth_CZX: NDArray[Any], prediction_CZX: NDArray[Any], pictures: tuple[Picture, ...]) -> NDArray[Any]:
    """Grays `[H, W]`, uint8: truth and prediction, both on the scale of the truth; a row for each of `pictures`."""
    rows = []
    for truth_ZX, prediction_ZX, picture in zip(truth_CZX, prediction_CZX, pictures, strict=False):
        loud = float(np.percentile(np.abs(truth_ZX), LOUD)) or 1.0
        low, high = (-loud, loud) if picture.signed else (float(truth_ZX.min()), float(truth_ZX.max()))
        pair = np.concatenate([truth_ZX, prediction_ZX], axis=1)
        rows.append(np.clip((pair - low) / ((high - low) or 1.0), 0, 1))
    gray_HW = np.rint(255 * np.concatenate(rows)).astype(np.uint8)
    cell = max(1, -(-SMALLEST // gray_HW.shape[1]))
    return gray_HW.repeat(cell, axis=0).repeat(cell, axis=1)


def _values(images_BCZX: Tensor) -> NDArray[np.float32]:
    return np.asarray(np.nan_to_num(images_BCZX[0].detach().float().cpu().numpy()))
