"""A climb on a tiny data set: what begins, what goes on, and that a stop changes nothing."""

from typing import Any

import pytest
import yaml

from search_spaces.genotype import Genotype
from tests.trials.cut_off import cut_off_once
from tests.trials.test_stages import TINY
from trials.running.channel import Channel
from trials.running.run_folder import RunFolder
from trials.settings.config import Config, load
from trials.stages.candidates import random_candidates
from trials.stages.execute import execute


@pytest.fixture(scope="module")
def config(tiny_data: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Config:
    file = tmp_path_factory.mktemp("preset") / "tiny.yml"
    search = {"search": {"strategy": "climb", "candidates": 3, "tries": [2, 1], "retrain_epochs": 3}}
    file.write_text(yaml.safe_dump(TINY | search | {"data": tiny_data}))
    return load(file)


@pytest.fixture(scope="module")
def found(config: Config, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    run = RunFolder(tmp_path_factory.mktemp("climb"))
    execute("search", config, run, Channel())
    return run


def phases(run: RunFolder) -> dict[str, list[float]]:
    """Phase → the training loss of its epochs."""
    names = dict.fromkeys(row["phase"] for row in run.metrics)
    return {name: [row["train_loss"] for row in run.metrics if row["phase"] == name] for name in names}


def test_the_leader_has_the_lowest_loss_of_its_second_epoch_and_trains_to_the_end(found: RunFolder) -> None:
    losses = phases(found)
    assert sorted(map(len, losses.values())) == [1, 2, 2, 2, 2, 3]  # 3 random cells, 2 and 1 neighbours
    second = {name: each[1] for name, each in losses.items() if len(each) > 1}
    assert len(losses[min(second, key=lambda name: second[name])]) == 3
    assert not list(found.path.glob("*.ckpt"))


def test_what_is_found_is_a_random_cell_or_within_two_steps_of_one(found: RunFolder, config: Config) -> None:
    known = [each.genotype.to_sample() for each in random_candidates(config)]
    result = Genotype.from_json(found.result["genotype"]).to_sample()
    assert min(sum(result[label] != name for label, name in each.items()) for each in known) <= 2


def test_a_climb_that_was_cut_off_goes_on_where_it_was(found: RunFolder, config: Config, tmp_path, monkeypatch) -> None:
    run, calls = RunFolder(tmp_path), cut_off_once(monkeypatch, 5)
    with pytest.raises(KeyboardInterrupt):
        execute("search", config, run, Channel())
    result = execute("search", config, run, Channel())
    names = [arguments[4].name for arguments in calls]
    assert len(names) == 3 + 2 + 2 + 1 + 1  # beginnings, second epochs, neighbours, and the one that was cut off
    assert result["genotype"] == found.result["genotype"]
    assert result["ssim"] == found.result["ssim"]
