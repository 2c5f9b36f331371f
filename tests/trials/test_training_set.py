"""Which shots networks see while they are searched, trained and scored."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from datagen.config import Data, Effects, Grid, Split, Survey
from datagen.dataset import ShardDataset
from datagen.generate import generate
from search_spaces.config import Network, Stack
from trials.running.channel import Channel
from trials.running.run_folder import RunFolder
from trials.settings.config import Config, Search, Training, Tune
from trials.stages.execute import execute
from trials.stages.one_shot import find_genotype


class NoiseEngine:
    """Random numbers in place of the wave equation."""

    def __init__(self, data):
        self.data, self.rng = data, np.random.default_rng(0)

    def shoot_and_migrate(self, velocity_MZX):
        survey = self.data.survey
        shape = (len(velocity_MZX), survey.shots, survey.samples, survey.receivers)
        return self.rng.standard_normal(shape, np.float32), self.rng.standard_normal(velocity_MZX.shape, np.float32)


@pytest.fixture
def config(tmp_path):
    data = Data(
        folder=str(tmp_path / "data"),
        grid=Grid(nz=16, nx=16, spacing=10.0),
        survey=Survey(shots=2, receivers=16, frequency=15.0, interval=0.001, samples=64),
        split=Split(train=8, validation=4, test=4),
        shard_size=8,
    )
    generate(data, workers=1, progress=False, engine=NoiseEngine)
    return Config(
        name="tiny",
        device="cpu",
        data=data,
        effects=Effects(snr_db=(-20.0, -20.0), noise_band=(10.0, 100.0), dead_traces=(0.25, 0.25)),
        network=Network(front=Stack(fold=2), model="unet", depth=2, width=4, nodes=1, operations="small"),
        search=Search(samples=8, epochs=2),
        training=Training(batch_size=4, mirror=False),
        tune=Tune(epochs=3),
    )


@pytest.fixture
def reads(monkeypatch):
    """(data set, its epoch, indices, shots) of every batch that is read."""
    seen = []
    read = ShardDataset.__getitems__

    def recorded(dataset, indices):
        batch = read(dataset, indices)
        seen.append((dataset, dataset.epoch, list(indices), batch[0].clone()))
        return batch

    monkeypatch.setattr(ShardDataset, "__getitems__", recorded)
    return seen


def of_split(reads, config, split):
    return [read for read in reads if len(read[0]) == getattr(config.data.split, split)]


def test_training_sees_other_effects_in_every_epoch_and_validation_none(config, reads, tmp_path):
    execute("tune", config, RunFolder(tmp_path / "run"), Channel())
    training, validation = (of_split(reads, config, split) for split in ("train", "validation"))
    assert [epoch for _, epoch, _, _ in training] == [0, 0, 1, 1, 2, 2]
    expected = ShardDataset(config.data.folder, "train", effects=config.effects, seed=config.seed)
    for _, epoch, indices, shots in training:
        expected.epoch = epoch
        assert torch.equal(shots, expected.__getitems__(indices)[0])
        assert ((shots == 0).all(2).sum(2) == 4).all()
    clean = ShardDataset(config.data.folder, "validation")
    assert len(validation) >= 4
    for dataset, _, indices, shots in validation:
        assert dataset.effects == Effects()
        assert torch.equal(shots, clean.__getitems__(indices)[0])


def test_a_training_that_goes_on_sees_the_effects_of_the_epochs_that_are_left(config, reads, tmp_path):
    class Interrupted(Channel):
        def intermediate(self, metrics):
            if run.metrics[-1]["epoch"] == 1:  # epoch 0 has left its checkpoint
                raise KeyboardInterrupt

    run = RunFolder(tmp_path / "run")
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        execute("tune", config, run, Interrupted())
    reads.clear()
    execute("tune", config, run, Channel())
    assert [epoch for _, epoch, _, _ in of_split(reads, config, "train")] == [1, 1, 2, 2]


def test_a_search_sees_them_too(config, reads, tmp_path):
    network, search = replace(config.network, model="nasunet"), replace(config.search, strategy="parsec")
    find_genotype(replace(config, network=network, search=search), RunFolder(tmp_path), Channel())
    training = of_split(reads, config, "train")
    assert {epoch for _, epoch, _, _ in training} == {0, 1}
    assert all(((shots == 0).all(2).sum(2) == 4).all() for _, _, _, shots in training)
