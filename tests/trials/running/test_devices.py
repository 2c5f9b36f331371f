"""One training shared by two processes on the CPU (gloo); no GPU was there to try it."""

import json
import multiprocessing
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
import yaml
from pytorch_lightning.callbacks import Callback
from torch import nn
from torch.utils.data import RandomSampler

from datagen.errors import InputError
from datagen.generate import generate
from search_spaces.build import build
from search_spaces.config import Gather
from trials.running.channel import Channel
from trials.running.devices import Share, device_count, helper_processes, rank, take_share
from trials.running.run_folder import RunFolder
from trials.settings.config import Config, load
from trials.settings.picking import Picking
from trials.stages.execute import execute
from trials.training.fit import Phase, fit
from trials.training.module import Diverged
from trials.training.networks import geometry

TINY = {
    "name": "tiny",
    "device": "cpu",
    "data": {
        "seed": 5,
        "grid": {"nz": 24, "nx": 24, "spacing": 10.0},
        "survey": {"shots": 2, "receivers": 24, "frequency": 15.0, "interval": 0.001, "samples": 240},
        "split": {"train": 32, "validation": 8, "test": 8},
        "shard_size": 8,
    },
    "network": {"model": "unet", "depth": 2, "width": 4},
    "training": {"batch_size": 8, "mirror": False},
    "tune": {"epochs": 4},
}


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    folder = tmp_path_factory.mktemp("tiny")
    file = folder / "tiny.yml"
    file.write_text(yaml.safe_dump(TINY | {"data": TINY["data"] | {"folder": str(folder / "data")}}))  # type: ignore[operator]
    made = load(file)
    generate(made.data, workers=1, progress=False)
    return made


@pytest.fixture(scope="module")
def shared(config: Config, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A training by two processes."""
    run = RunFolder(tmp_path_factory.mktemp("shared"))
    execute("tune", replace(config, devices=2), run, Channel())
    return run


def test_two_processes_come_near_to_what_one_does(config: Config, shared: RunFolder, tmp_path: Path) -> None:
    alone = RunFolder(tmp_path)
    execute("tune", config, alone, Channel())
    assert len(shared.metrics) == len(alone.metrics) == 4
    for row, other in zip(shared.metrics, alone.metrics, strict=True):
        assert row["train_loss"] == pytest.approx(other["train_loss"], rel=0.1)
    assert shared.result["ssim"] == pytest.approx(alone.result["ssim"], abs=0.05)


def test_nothing_is_left_of_the_second_process(shared: RunFolder) -> None:
    assert shared.finished
    assert rank() == 0
    assert "LOCAL_RANK" not in os.environ
    assert multiprocessing.active_children() == []


class Notes(Callback):
    """What the process would decide by, in a file a process; one line an epoch."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        with (self.folder / f"{rank()}.jsonl").open("a") as file:
            file.write(json.dumps({name: float(value) for name, value in trainer.callback_metrics.items()}) + "\n")


@pytest.fixture
def picking(config: Config, tmp_path: Path) -> Config:
    """Two processes learn to pick; their batch norms, each of a share, differ, and so do their networks' answers."""
    draw, gathers = np.random.default_rng(0), tmp_path / "gathers.npz"
    np.savez(gathers, shots=draw.standard_normal((8, 240, 24)), first_break_s=draw.uniform(0.02, 0.2, (8, 24)))
    return replace(
        config,
        target="first_break",
        devices=2,
        network=replace(config.network, front=Gather(rows=32)),
        tune=replace(config.tune, epochs=2),
        picking=Picking(labelled=str(gathers), interval=0.001),
    )


def test_both_processes_of_a_picker_see_the_same_losses_and_scores(picking: Config, tmp_path: Path) -> None:
    """They stop by these: with scores of their own one would stop where the other goes on."""
    network = build(picking.network, *geometry(picking))
    run = RunFolder(tmp_path / "run")
    run.start(picking, "tune")
    phase = Phase(name="tune", epochs=2, learning_rate=0.01)
    fit(network, picking, run, Channel(), phase, callbacks=(Notes(tmp_path),))
    one, two = (json.loads((tmp_path / f"{number}.jsonl").read_text().splitlines()[0]) for number in (0, 1))
    assert {"train_loss", "val_mae_ms", "val_hit_5"} <= set(one)
    assert one == two


def save_trained_weights(folder: Path, network: nn.Module) -> None:
    """What each process does: a training with gradients averaged by hand, then its weights on disk."""
    torch.manual_seed(rank())
    loss = network(torch.randn(4, 3)).square().mean()
    loss.backward()
    for weight in network.parameters():
        torch.distributed.all_reduce(weight.grad)
        weight.data -= 0.1 * weight.grad
    torch.save(network.state_dict(), folder / f"{rank()}.pt")
    torch.distributed.barrier()


class Work:
    """Picklable, as `helper_processes` wants it."""

    def __init__(self, folder: Path, network: nn.Module) -> None:
        self.folder, self.network = folder, network

    def __call__(self) -> None:
        save_trained_weights(self.folder, self.network)


def test_both_processes_have_the_same_weights_and_memory_of_their_own(tmp_path: Path) -> None:
    network = nn.Linear(3, 2)
    before = network.weight.detach().clone()
    with helper_processes(2, False, Work(tmp_path, network)):
        Work(tmp_path, network)()
    one, two = (torch.load(tmp_path / f"{number}.pt") for number in (0, 1))
    assert torch.equal(one["weight"], two["weight"])
    assert not torch.equal(one["weight"], before)


class Failing:
    def __call__(self) -> Any:
        raise Diverged("loss term l2 is nan in epoch 3")


def test_what_fails_in_one_process_is_told_by_the_other() -> None:
    with pytest.raises(Diverged, match="in epoch 3"), helper_processes(2, False, Failing()):
        torch.distributed.barrier()


def test_the_shares_of_a_batch_are_the_batch() -> None:
    order = RandomSampler(range(20), generator=torch.Generator().manual_seed(1))
    whole = list(Share(order, 8, 20, 1))
    assert [len(batch) for batch in whole] == [8, 8, 4]
    assert sorted(index for batch in whole for index in batch) == list(range(20))
    assert len(Share(order, 8, 19, 2)) == 2  # 3 samples are too few for batch norm in two processes


def test_the_number_of_processes_fits_the_gpus_and_the_batch(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    assert device_count(config) == 1
    with pytest.raises(InputError, match=r"devices: got 3, which does not divide training\.batch_size 8"):
        device_count(replace(config, devices=3))
    monkeypatch.setattr("torch.cuda.device_count", lambda: 3)
    gpu = replace(config, device="cuda")
    assert device_count(gpu) == 2  # of three GPUs: 3 does not divide 8
    with pytest.raises(InputError, match=r"devices: got 4; there are 3 GPU\(s\) here"):
        device_count(replace(gpu, devices=4))


@pytest.mark.parametrize(("trials", "threads"), [(1, 8), (2, 4), (3, 2), (16, 1)])
def test_trials_at_a_time_share_the_cores(monkeypatch, trials, threads):
    taken: list[int] = []
    monkeypatch.setattr("trials.running.devices.cores", lambda: 8)
    monkeypatch.setattr(torch, "set_num_threads", taken.append)
    take_share(trials)
    assert taken == [threads]
