"""Budgets: the one-cycle schedule over steps and over time is one curve."""

import pytest
import pytorch_lightning as pl
import torch
from torch.optim.lr_scheduler import OneCycleLR

from trials.training.budget import OneCycle, TimeBudget

PEAK = 0.01


class Stopwatch:
    """A clock that the test turns."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Trainer:
    """As much of Lightning's as a budget touches."""

    should_stop = False


def adamw():
    return torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=1.0)


def rates(schedule, optimizer, steps, before=lambda: None):
    """Learning rate and momentum of each step."""
    found = []
    for _ in range(steps):
        found.append((optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["betas"][0]))
        optimizer.step()
        before()
        schedule.step()
    return found


def test_by_epochs_the_schedule_is_torchs_one_cycle():
    ours, theirs = adamw(), adamw()
    expected = rates(OneCycleLR(theirs, max_lr=PEAK, total_steps=40), theirs, 39)
    assert rates(OneCycle(ours, PEAK, 40), ours, 39) == expected


def test_by_time_the_learning_rate_is_that_of_the_elapsed_share():
    clock, module = Stopwatch(), pl.LightningModule()
    budget, trainer, optimizer = TimeBudget(2.0, clock), Trainer(), adamw()
    schedule = OneCycle(optimizer, PEAK, 0, budget)
    budget.on_train_epoch_start(trainer, module)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(PEAK / 25)
    for seconds, expected in ((36, PEAK), (42, PEAK / 2), (42, 0.0)):  # 30 %, 65 % and 100 % of two minutes
        assert not trainer.should_stop
        clock.now += seconds
        optimizer.step()
        budget.on_train_batch_end(trainer, module, None, None, 0)
        schedule.step()
        assert optimizer.param_groups[0]["lr"] == pytest.approx(expected, rel=1e-2, abs=1e-6)
    assert trainer.should_stop


def test_validation_does_not_count():
    clock, module = Stopwatch(), pl.LightningModule()
    budget, trainer = TimeBudget(1.0, clock), Trainer()
    for _ in range(3):
        budget.on_train_epoch_start(trainer, module)
        clock.now += 10
        budget.on_train_batch_end(trainer, module, None, None, 0)
        clock.now += 1000
    assert budget.share == pytest.approx(0.5)


def test_what_is_used_up_survives_a_checkpoint():
    module, trainer = pl.LightningModule(), Trainer()
    budget = TimeBudget(1.0, Stopwatch())
    budget.load_state_dict({"used": 60.0})
    assert budget.state_dict() == {"used": 60.0}
    budget.on_fit_start(trainer, module)
    assert trainer.should_stop


def test_a_schedule_by_time_is_saved_without_its_clock():
    schedule = OneCycle(adamw(), PEAK, 0, TimeBudget(1.0))
    assert "_budget" not in schedule.state_dict()
