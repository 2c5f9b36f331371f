"""The one LightningModule: a network, its loss and its metrics.

AdamW under a one-cycle learning rate (trials/training/budget.py), gradients clipped by the trainer.
"""

from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from trials.config import Loss
from trials.training.budget import OneCycle, TimeBudget
from trials.training.losses import loss_terms
from trials.training.metrics import scores
from trials.training.teacher import Teacher

Batch = tuple[Tensor, Tensor]


class Diverged(RuntimeError):
    """Training produced a value that is not a number."""


def raise_unless_finite(terms: dict[str, Tensor], phase: str, epoch: int, setting: str) -> None:
    """NaN must never become a result: the run fails with the loss term and the epoch."""
    for name, value in terms.items():
        if not torch.isfinite(value):
            raise Diverged(f"{phase}: loss term {name} is {value.item()} in epoch {epoch}; lower {setting}")


class Imaging(pl.LightningModule):
    """Trains `network`: shots `[B, S, T, R]` → normalised image `[B, 1, Z, X]`.

    The schedule runs over the epochs of the trainer, or over the time of `budget`.
    """

    def __init__(
        self,
        network: nn.Module,
        loss: Loss,
        *,
        learning_rate: float,
        weight_decay: float,
        budget: TimeBudget | None = None,
        teacher: Teacher | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.loss = loss
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.budget = budget
        self.teacher = teacher

    def forward(self, shots_BSTR: Tensor) -> Tensor:
        image: Tensor = self.network(shots_BSTR)
        return image

    def training_step(self, batch: Batch, index: int) -> Tensor:
        shots_BSTR, target_B1ZX = batch
        teacher_B1ZX = None if self.teacher is None else self.teacher(shots_BSTR)
        terms = loss_terms(self.loss, self(shots_BSTR), target_B1ZX, teacher_B1ZX)
        raise_unless_finite(terms, "training", self.current_epoch, "tune.learning_rate")
        logged = {f"train_{name}": value.detach() for name, value in terms.items()}
        self.log_dict(logged, on_step=False, on_epoch=True, sync_dist=True, batch_size=len(target_B1ZX))
        return terms["loss"]

    def validation_step(self, batch: Batch, index: int) -> None:
        shots_BSTR, target_B1ZX = batch
        logged = {f"val_{name}": value.mean() for name, value in scores(self(shots_BSTR), target_B1ZX).items()}
        self.log_dict(logged, on_epoch=True, sync_dist=True, batch_size=len(target_B1ZX))

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.AdamW(self.network.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay)
        steps = 0 if self.budget else int(self.trainer.estimated_stepping_batches)
        schedule = OneCycle(optimizer, self.learning_rate, steps, self.budget)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
