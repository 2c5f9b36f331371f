"""How long a training lasts: a number of epochs, or of minutes, under the same one-cycle schedule.

    learning rate at step k   =  one_cycle(s),     s = k / steps            equal epochs
                                                   s = seconds / budget     equal training time

Comparing networks of different speed by time is fair only if each reaches the end of its schedule.
"""

from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback
from torch.optim import Optimizer
from torch.optim.lr_scheduler import OneCycleLR

from trials.running.devices import one_clock

TICKS = 10_000  # of the schedule, when time decides


class TimeBudget(Callback):
    """Ends the training after `minutes` of training steps, data loading included; validation does not count.

    Checkpoints preserve the time used.
    """

    def __init__(self, minutes: float, clock: Callable[[], float] = one_clock) -> None:
        self.budget = 60 * minutes  # [s]
        self.used = 0.0  # [s]
        self._clock, self._lap = clock, 0.0

    @property
    def share(self) -> float:
        """Used share of the budget, 0 to 1."""
        return min(1.0, self.used / self.budget)

    def on_fit_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        trainer.should_stop |= self.share >= 1  # resumed after its end

    def on_train_epoch_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self._lap = self._clock()

    def on_train_batch_end(self, trainer: pl.Trainer, module: pl.LightningModule, *_: Any) -> None:
        now = self._clock()
        self.used += now - self._lap
        self._lap = now
        trainer.should_stop |= self.share >= 1

    def state_dict(self) -> dict[str, Any]:
        return {"used": self.used}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.used = state_dict["used"]


class OneCycle(OneCycleLR):
    """torch's one-cycle schedule (Smith & Topin 2019) over `steps`, or over the time of `budget`.

    Up to `peak` over the first 30 %, then down to almost nothing; the momentum does the opposite.
    """

    def __init__(self, optimizer: Optimizer, peak: float, steps: int, budget: TimeBudget | None = None) -> None:
        self._budget = budget
        super().__init__(optimizer, max_lr=peak, total_steps=steps if budget is None else TICKS)

    def step(self, epoch: int | None = None) -> None:
        if self._budget is not None:
            self.last_epoch = int(self._budget.share * (TICKS - 1)) - 1  # torch adds one
        super().step()

    def state_dict(self) -> dict[str, Any]:
        return {name: value for name, value in super().state_dict().items() if name != "_budget"}
