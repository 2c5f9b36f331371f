"""The moving average of the weights, step by step and through Lightning."""

import pytest
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, TensorDataset

from trials.training.averaging import MovingAverage, decay_after


class Recorded(pl.LightningModule):
    """A line through noisy points; keeps the weight after each step."""

    def __init__(self):
        super().__init__()
        self.line = torch.nn.Linear(1, 1)
        self.weights, self.validated = [], []

    def training_step(self, batch, index):
        x, y = batch
        return (self.line(x) - y).square().mean()

    def validation_step(self, batch, index):
        self.validated.append(self.line.weight.item())

    def on_train_batch_end(self, *_):
        self.weights.append(self.line.weight.item())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.05)


def train(decay, epochs=2):
    torch.manual_seed(0)
    x = torch.randn(24, 1)
    data = DataLoader(TensorDataset(x, 2 * x + torch.randn(24, 1)), 2)
    module = Recorded()
    trainer = pl.Trainer(
        max_epochs=epochs,
        callbacks=[MovingAverage(decay)],
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(module, data, DataLoader(TensorDataset(x[:1], x[:1])))
    return module


def averaged(weights, decay):
    average = weights[0]
    for steps, weight in enumerate(weights[1:], start=1):
        d = min(decay, (1 + steps) / (10 + steps))
        average = d * average + (1 - d) * weight
    return average


@pytest.mark.parametrize("decay", [0.5, 0.999])
def test_a_training_validates_with_the_average_and_leaves_it(decay):
    module = train(decay)
    assert module.line.weight.item() == pytest.approx(averaged(module.weights, decay), rel=1e-5)
    assert module.validated == pytest.approx(
        [averaged(module.weights[:12], decay), averaged(module.weights, decay)], rel=1e-5
    )
    assert module.line.weight.item() != pytest.approx(module.weights[-1], rel=1e-4)


def test_the_first_steps_are_forgotten_sooner_than_the_decay_says():
    assert decay_after(1, 0.999) == pytest.approx(2 / 11)
    assert decay_after(100_000, 0.999) == 0.999
