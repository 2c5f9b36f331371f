"""Climbs from known cells and from random ones, in miniature."""

import json
from pathlib import Path

import bench_climb
import pytest
from lib import record

from search_spaces.genotype import Genotype, has_weights
from tests.benchmarks.tiny import tiny_preset

PRESET = "network: {depth: 2, nodes: 1, operations: small, max_parameters: 40000}\n"


@pytest.fixture
def preset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    monkeypatch.setattr(bench_climb, "EVERY", 16)
    file = tiny_preset(tmp_path)
    file.write_text(file.read_text() + PRESET)
    return file


def test_a_climb_ends_with_the_lowest_loss_of_all_that_it_tried(preset: Path, tmp_path: Path) -> None:
    bench_climb.main(samples=48, models=16, seeds="1", preset=preset, work=tmp_path / "work")
    (row,) = json.loads((tmp_path / "found.json").read_text())["rows"]
    assert (row["strategy"], row["seed"], row["samples"]) == ("climb", 1, 48)
    assert row["cost_core_seconds"] >= 0
    assert len(row["curve"]) == 3
    assert row["parameters"] <= 40_000
    trained = list((tmp_path / "work").glob("climb_*_48.safetensors"))
    assert 8 <= len(trained) <= 6 + 5 + 4
    assert not (tmp_path / "climb.json").exists()


def test_a_change_is_named_by_its_edge() -> None:
    known = Genotype.random(depth=2, width=8, nodes=1, operations="small", seed=1)
    other = Genotype.from_sample(known.to_sample() | {"up": "sep_conv_3x3"}, depth=2, width=8, nodes=1)
    assert bench_climb.change(known, other) == f"up: {known.up} → sep_conv_3x3"


def test_neighbours_differ_in_one_choice_and_have_weights_at_every_node() -> None:
    genotype = Genotype.random(depth=4, width=16, nodes=2, operations="small", seed=4)
    found = bench_climb.neighbours(genotype, "small")
    own = genotype.to_sample()
    for each in found:
        assert sum(each.to_sample()[label] != name for label, name in own.items()) == 1
        assert has_weights(each)
    assert len({each.to_json() for each in found}) == len(found) > 20
