"""The moving average of the weights, which a training is scored by and saves.

    w̄ ← d w̄ + (1 − d) w   after each step,      d = min(decay, (1 + n) / (10 + n)) after n steps

The decay is smaller at the start (as in TensorFlow's ExponentialMovingAverage), so that the first steps do not weigh on
a short training.  Running statistics of batch norms are averaged like the weights.
"""

from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import WeightAveraging
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn


def decay_after(steps: int, decay: float) -> float:
    """The decay d after `steps` steps."""
    return min(decay, (1 + steps) / (10 + steps))


class MovingAverage(WeightAveraging):
    """Lightning's averaging with this decay: validates with the average, leaves it in the network at the end.

    Checkpoints hold both the weights and their average.
    """

    def __init__(self, decay: float) -> None:
        def average(averages: Any, weights: Any, steps: Tensor | int) -> None:
            update = get_ema_multi_avg_fn(decay_after(int(steps), decay))  # type: ignore[no-untyped-call]
            update(averages, weights, steps)

        super().__init__(multi_avg_fn=average)

    def on_fit_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """A training resumed after its last epoch does not reach `on_train_end`."""
        self._copy_average_to_current(module)
