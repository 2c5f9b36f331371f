"""The only LightningModule: a network and its task (tasks.py).

Muon or AdamW under a one-cycle learning rate (trials/training/budget.py), gradients clipped by the trainer.
"""

from typing import Any, Literal

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from trials.training.budget import OneCycle, TimeBudget
from trials.training.muon import make_optimizer
from trials.training.tasks import Batch, Task
from trials.training.teacher import Teacher


class Diverged(RuntimeError):
    """Training produced a value that is not finite."""


def raise_unless_finite(terms: dict[str, Tensor], phase: str, epoch: int, setting: str) -> None:
    """NaN must never become a result: the run fails with the loss term and the epoch."""
    for name, value in terms.items():
        if not torch.isfinite(value):
            raise Diverged(f"{phase}: loss term {name} is {value.item()} in epoch {epoch}; lower {setting}")


class TaskModule(pl.LightningModule):
    """Trains `network` for `task`: its loss on the training batches, its scores on the validation batches.

    Logged values are means over all processes of a training, so that they agree when to stop.  The schedule runs over
    `epochs`, by default those of the trainer, which may pause before, or over the time of `budget`.
    """

    def __init__(
        self,
        network: nn.Module,
        task: Task,
        *,
        learning_rate: float,
        weight_decay: float,
        optimizer: Literal["muon", "adamw"] = "muon",
        epochs: int | None = None,
        budget: TimeBudget | None = None,
        teacher: Teacher | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.task = task
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.optimizer = optimizer
        self.epochs = epochs
        self.budget = budget
        self.teacher = teacher

    def forward(self, *seen: Any) -> Tensor:
        prediction: Tensor = self.network(*seen)
        return prediction

    def training_step(self, batch: Batch, index: int) -> Tensor:
        terms = self.task.terms(self(*self.task.seen(self.network, batch)), batch, self.teacher)
        raise_unless_finite(terms, "training", self.current_epoch, "tune.learning_rate")
        self._log("train", {name: value.detach() for name, value in terms.items()}, batch)
        return terms["loss"]

    def validation_step(self, batch: Batch, index: int) -> Tensor:
        """Returns the prediction, for pictures."""
        prediction: Tensor = self(batch[0])
        self._log("val", self.task.scores(prediction, batch), batch)
        return prediction

    def _log(self, split: str, values: dict[str, Tensor], batch: Batch) -> None:
        named = {f"{split}_{name}": value for name, value in values.items()}
        self.log_dict(named, on_step=False, on_epoch=True, sync_dist=True, batch_size=len(batch[1]))

    def configure_optimizers(self) -> Any:
        network, rate, decay = self.network, self.learning_rate, self.weight_decay
        optimizer = make_optimizer(self.optimizer, network, rate, decay)
        steps = 0 if self.budget else self._steps()
        schedule = OneCycle(optimizer, self.learning_rate, steps, self.budget)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _steps(self) -> int:
        """Of the whole schedule."""
        steps, trained = int(self.trainer.estimated_stepping_batches), self.trainer.max_epochs
        return steps if self.epochs is None or not trained else steps * self.epochs // trained
