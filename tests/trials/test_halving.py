"""Successive halving on a tiny data set: what goes on, at what cost, and that a pause changes nothing."""

from dataclasses import replace
from typing import Any

import pytest
import torch
import yaml

from search_spaces.genotype import Genotype
from tests.trials.cut_off import cut_off_once
from tests.trials.test_stages import TINY
from trials.running.channel import Channel
from trials.running.run_folder import RunFolder
from trials.settings.config import Config, load
from trials.stages import halving
from trials.stages.execute import execute
from trials.stages.train import train
from trials.training.fit import Phase
from trials.training.networks import with_genotype
from trials.training.pictures.names import pictures


@pytest.fixture(scope="module")
def config(tiny_data: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Config:
    file = tmp_path_factory.mktemp("preset") / "tiny.yml"
    search = {"search": {"strategy": "halving", "candidates": 5, "retrain_epochs": 4}}
    file.write_text(yaml.safe_dump(TINY | search | {"data": tiny_data}))
    return load(file)


@pytest.fixture(scope="module")
def found(config: Config, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    run = RunFolder(tmp_path_factory.mktemp("halving"))
    execute("search", config, run, Channel())
    return run


def trained(run: RunFolder) -> dict[str, list[dict[str, Any]]]:
    """Phase → its epochs."""
    phases = dict.fromkeys(row["phase"] for row in run.metrics)
    return {phase: [row for row in run.metrics if row["phase"] == phase] for phase in phases}


def test_the_better_half_goes_on_and_no_epoch_is_trained_twice(found: RunFolder) -> None:
    epochs = {phase: [row["epoch"] for row in rows] for phase, rows in trained(found).items()}
    assert sorted(map(len, epochs.values())) == [1, 1, 1, 2, 4]  # 5, then 2, then 1
    assert all(each == list(range(len(each))) for each in epochs.values())
    first = [(rows[0]["train_loss"], len(rows) > 1) for rows in trained(found).values()]
    assert max(loss for loss, goes_on in first if goes_on) < min(loss for loss, goes_on in first if not goes_on)
    assert not list(found.path.glob("*.ckpt"))
    (winner,) = (phase for phase, rows in trained(found).items() if len(rows) == 4)
    assert {name.rpartition("-")[0] for name in pictures(found.path)} == {winner}


def test_the_widest_of_the_cells_that_were_drawn_begin(config: Config) -> None:
    few, many = (halving.candidates(replace(config, search=replace(config.search, draws=draws))) for draws in (1, 4))
    widths = [[candidate.genotype.width for candidate in each] for each in (few, many)]
    assert len(widths[0]) == len(widths[1]) == len({each.genotype for each in many}) == 5
    assert widths[1] == sorted(widths[1], reverse=True)
    assert sum(widths[1]) > sum(widths[0])
    drawn = {candidate.genotype for candidate in few}
    assert all(genotype.width <= min(widths[1]) for genotype in drawn - {each.genotype for each in many})


def test_the_winner_is_the_network_that_the_same_training_without_a_pause_gives(
    found: RunFolder, config: Config, tmp_path
) -> None:
    genotype = Genotype.from_json(found.result["genotype"])
    phase = Phase(name="retrain", epochs=4, learning_rate=config.tune.learning_rate)
    run = RunFolder(tmp_path)
    run.path.mkdir(exist_ok=True)
    train(with_genotype(config, genotype), run, Channel(), phase)
    ours = found.load_weights()
    assert all(torch.equal(weight, ours[name]) for name, weight in run.load_weights().items())
    (winner,) = (rows for rows in trained(found).values() if len(rows) == 4)
    assert [row["val_ssim"] for row in run.metrics] == [row["val_ssim"] for row in winner]


def test_a_search_that_was_cut_off_goes_on_where_it_was(
    found: RunFolder, config: Config, tmp_path, monkeypatch
) -> None:
    run, calls = RunFolder(tmp_path), cut_off_once(monkeypatch, 4)
    with pytest.raises(KeyboardInterrupt):
        execute("search", config, run, Channel())
    result = execute("search", config, run, Channel())
    assert len(calls) == 5 + 2 + 1  # none but the one that was cut off is called again
    assert result["genotype"] == found.result["genotype"]
    assert result["ssim"] == found.result["ssim"]
