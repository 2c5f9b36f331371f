"""A trained network on another preset's ground, in miniature."""

import json
from pathlib import Path

import bench_ground
import pytest
from lib import record

from datagen import make_data_set
from tests.benchmarks.tiny import small_weights, tiny_preset


def test_another_ground_is_scored_with_the_scales_of_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    preset, work = tiny_preset(tmp_path), tmp_path / "work"
    own = make_data_set(preset, work / "data" / "tiny")
    make_data_set(preset, tmp_path / "other", changes={"data.seed": 9, "data.survey.frequency": 12.0})
    weights = small_weights(tmp_path / "small.safetensors", own.data)
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    monkeypatch.setattr(bench_ground, "weights_of", lambda label: weights)
    for folder in (work / "data" / "tiny", tmp_path / "other", tmp_path / "other"):  # the last replaces its row
        bench_ground.main("small", preset=Path(f"{folder.name}.yml"), data=folder, trained_on=preset, work=work)
    first, other = json.loads((tmp_path / "ground.json").read_text())["rows"]
    assert (first["ground"], other["ground"]) == ("tiny", "other")
    assert first["models"] == other["models"] == 8
    assert first["velocity_ssim"] != other["velocity_ssim"]
    assert -1 <= first["correlation"] <= 1
