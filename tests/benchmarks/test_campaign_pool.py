"""The pool and the training loop of a campaign, within one process."""

from dataclasses import replace
from pathlib import Path
from threading import Event
from time import monotonic, sleep

import pytest
import torch
from lib.campaign_networks import Contestant
from lib.campaign_pool import Order, Pool, filling
from lib.campaign_state import load_state, save_state
from lib.campaign_train import DECAY_FROM, WARM_UP, Lesson, rate_at, train
from torch import nn

from datagen.config import Data, Grid, Split, Survey
from datagen.dataset import ShardDataset
from datagen.generate import generate
from datagen.shards.manifest import load_manifest, read_manifest, save_manifest
from trials.settings.config import Config

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Data:
    data = Data(
        folder=str(tmp_path_factory.mktemp("data") / "tiny"),
        seed=5,
        grid=Grid(nz=24, nx=24, spacing=10.0),
        survey=Survey(shots=2, receivers=24, frequency=15.0, interval=0.001, samples=240),
        split=Split(train=24, validation=8, test=8),
        shard_size=8,
        dtype="float16",
    )
    generate(data, workers=1, progress=False)
    return data


def empty_pool(data: Data, capacity: int, *, mirror: bool = False) -> Pool:
    return Pool(data, load_manifest(data.folder).statistics, capacity, CPU, mirror=mirror)


def filled(data: Data, *, mirror: bool = False) -> Pool:
    pool = empty_pool(data, 24, mirror=mirror)
    for record in load_manifest(data.folder).of_split("train"):
        pool.add(Path(data.folder), record)
    return pool


def until(pool: Pool, models: int) -> None:
    began = monotonic()
    while pool.models != models:
        assert monotonic() - began < 60
        sleep(0.05)


def test_the_pool_has_what_the_data_set_has(data):
    shots_BSTR, targets = filled(data).batch(torch.arange(24), ("velocity", "rtm"))
    for name, target_B1ZX in targets.items():
        wanted_BSTR, wanted_B1ZX = ShardDataset(data.folder, "train", name).__getitems__(list(range(24)))
        torch.testing.assert_close(shots_BSTR, wanted_BSTR, rtol=0, atol=0)
        torch.testing.assert_close(target_B1ZX, wanted_B1ZX, rtol=1e-3, atol=1e-3)


def test_half_of_a_batch_is_mirrored_shots_receivers_and_targets_together(data):
    shots_BSTR, targets = filled(data).batch(torch.arange(4), ("velocity",))
    mirrored_BSTR, mirrored = filled(data, mirror=True).batch(torch.arange(4), ("velocity",))
    torch.testing.assert_close(mirrored_BSTR[:2], shots_BSTR[:2].flip(1, 3))
    torch.testing.assert_close(mirrored["velocity"][:2], targets["velocity"][:2].flip(3))
    torch.testing.assert_close(mirrored_BSTR[2:], shots_BSTR[2:])


def test_shards_come_into_the_pool_as_they_are_finished_and_no_more_than_fit(data, tmp_path):
    whole = load_manifest(data.folder)
    for file in Path(data.folder).glob("*.npy"):
        (tmp_path / file.name).symlink_to(file)
    pool = empty_pool(data, 20)
    with filling(pool, [tmp_path]):
        assert pool.models == 0
        save_manifest(tmp_path, replace(whole, shards=whole.shards[1:2]))
        until(pool, 8)
        save_manifest(tmp_path, whole)
        until(pool, 20)
    assert read_manifest(tmp_path) == whole


def test_each_pass_sees_every_model_that_is_there_once(data):
    pool = filled(data)
    pool.models = 8
    order = Order(pool, seed=0)
    first = torch.cat([order.next(4) for _ in range(2)])
    pool.models = 24
    second = torch.cat([order.next(4) for _ in range(6)])
    assert sorted(first.tolist()) == list(range(8))
    assert sorted(second.tolist()) == list(range(24))


class Pair(nn.Module):
    """Two images from one trunk."""

    def __init__(self, shots: int) -> None:
        super().__init__()
        self.heads = nn.Conv2d(shots, 2, 1)

    def forward(self, shots_BSTR: torch.Tensor) -> torch.Tensor:
        both: torch.Tensor = self.heads(nn.functional.interpolate(shots_BSTR, (24, 24), mode="area"))
        return both


def test_a_network_with_two_outputs_is_trained_with_one_loss_on_both(data, tmp_path):
    pair = Contestant(
        name="pair",
        targets=("velocity", "rtm"),
        build=lambda shape, statistics: Pair(shape.shots),
        batch=8,
        rate=0.01,
        share=1,
    )
    config = Config(name="tiny", data=data)
    lesson = Lesson(
        config=config, data=data.folder, pool=filled(data), work=tmp_path, stop=Event(), say=lambda line: None
    )
    row, _ = train(pair, lesson, seconds=1.0)
    assert row["targets"] == ["velocity", "rtm"]
    assert {"velocity_ssim", "rtm_ssim", "velocity_mae", "rtm_psnr"} <= set(row)
    assert [len(ssim) for _, ssim in row["curve"]] == [2] * len(row["curve"])
    assert not row["cut"]
    assert row["flops"] == 2 * 2 * 2 * 24 * 24  # a product and a sum, channels in, channels out, cells


def test_a_state_is_what_was_saved(tmp_path):
    def made() -> tuple[nn.Module, nn.Module, torch.optim.Optimizer]:
        network, average = nn.Linear(2, 2), nn.Linear(2, 2)
        return network, average, torch.optim.AdamW(network.parameters())

    network, average, optimizer = made()
    network(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    file = tmp_path / "state.safetensors"
    save_state(file, network, average, optimizer, {"steps": 1, "curve": [(8, [0.5])]})
    others = made()
    assert load_state(file, *others) == {"steps": 1, "curve": [[8, [0.5]]]}
    torch.testing.assert_close(others[0].state_dict(), network.state_dict())
    torch.testing.assert_close(others[1].state_dict(), average.state_dict())
    torch.testing.assert_close(others[2].state_dict()["state"], optimizer.state_dict()["state"])
    assert load_state(tmp_path / "none.safetensors", *others) == {}


def test_the_rate_warms_up_stays_and_falls_to_nothing():
    assert rate_at(0.0) < 0.1
    assert rate_at(WARM_UP) == rate_at(DECAY_FROM) == 1
    assert rate_at(1.0) == pytest.approx(0, abs=1e-6)
