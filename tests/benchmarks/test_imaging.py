"""The long training in miniature: data, kept features, training, checkpoint, row, page and weights."""

import json
from pathlib import Path
from typing import Any

import bench_imaging
import numpy as np
import pytest
import torch
from lib import imaging_page
from lib.kept_features import mirror
from safetensors import safe_open
from safetensors.torch import load_file

from datagen import make_data_set
from search_spaces.build import build
from search_spaces.shape import Shape
from tests.benchmarks.test_campaign import PRESET
from tests.benchmarks.tiny import tiny_preset
from trials.settings.config import load


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("imaging")
    tiny_preset(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench_imaging, "RESULTS", folder)
        patch.setattr(bench_imaging, "EXAM", 32)
        patch.setattr(imaging_page, "FILE", folder / "imaging.json")
        (folder / "imaging").mkdir()
        for seed, given in ((1, 0.0), (2, 0.0), (1, 0.5)):
            settings: dict[str, Any] = {"preset": [folder / "tiny.yml"], "work": folder / "work"}
            bench_imaging.main(64, models=20, seed=seed, given=given, **settings)
        (folder / "salty.yml").write_text(PRESET.replace("seed: 5", "seed: 6"))
        presets = [folder / "salty.yml", folder / "tiny.yml"]
        start = "small_muon_64_1_tiny"
        bench_imaging.main(32, models=8, preset=presets, start=start, work=folder / "work")
    return folder


def test_a_row_holds_the_mean_over_seeds_beside_what_a_blank_image_has(folder: Path) -> None:
    rows: list[dict[str, Any]] = json.loads((folder / "imaging.json").read_text())["rows"]
    rows = [row for row in rows if row["trained_on"] == "tiny" and row["given"] == 0]
    assert [row["target"] for row in rows] == 2 * ["rtm", "velocity"]  # and with the mirrored shots
    for row in rows:
        assert (row["seeds"], row["samples_seen"], row["models"]) == (2, 64, 20)
        assert 0 < row["blank_ssim"] < 1
        assert row["ssim_std"] > 0
    page = (folder / "imaging.md").read_text()
    assert "small_muon_64_2_tiny" in page
    assert (folder / "imaging.png").stat().st_size > 1000


def test_a_training_with_given_velocities_has_rows_and_weights_of_its_own(folder: Path) -> None:
    rows: list[dict[str, Any]] = json.loads((folder / "imaging.json").read_text())["rows"]
    own = [row for row in rows if row["given"] == 0.5]
    assert [(row["target"], row["seeds"]) for row in own] == 2 * [("rtm", 1), ("velocity", 1)]
    files = (folder / "imaging" / f"small_muon_64_1_tiny{end}.safetensors" for end in ("_given_50", ""))
    with_them, without = map(load_file, files)
    assert any(not torch.equal(weight, without[name]) for name, weight in with_them.items())


def test_a_curve_has_a_point_for_each_exam(folder: Path) -> None:
    training = json.loads((folder / "imaging.json").read_text())["trainings"][0]
    first, last = (point["samples_seen"] for point in training["curve"])
    assert 32 <= first < 48
    assert last >= 64


def test_the_weights_are_those_of_the_network(folder: Path) -> None:
    config = load(folder / "tiny.yml", {"target": "both", "network.front": "migrate"})
    own = build(bench_imaging.NETWORKS["small"], Shape.of(config.data), 1.0).state_dict()
    with safe_open(folder / "imaging" / "small_muon_64_1_tiny.safetensors", framework="pt") as store:
        assert set(store.keys()) == set(own)


def test_a_training_on_several_grounds_is_scored_on_each(folder: Path) -> None:
    trainings = {each["label"]: each for each in json.loads((folder / "imaging.json").read_text())["trainings"]}
    mixed, start = trainings["small_muon_32_1_salty_tiny"], trainings["small_muon_64_1_tiny"]
    assert mixed["start"] == "small_muon_64_1_tiny"
    assert set(mixed["test"]) == set(mixed["test_mirrored"]) == {"salty", "tiny"}
    assert mixed["test"]["tiny"]["rtm_ssim"] != start["test"]["tiny"]["rtm_ssim"]
    assert mixed["test"]["tiny"]["rtm_blank_ssim"] == pytest.approx(start["test"]["tiny"]["rtm_blank_ssim"], abs=0.05)


def test_what_is_kept_of_a_ground_is_scaled_as_the_first_of_its_training(folder: Path) -> None:
    features = folder / "work" / "features"
    alone, mixed = (np.load(features / first / "tiny_test" / "level.npy") for first in ("tiny", "salty"))
    assert alone.shape == mixed.shape
    assert not np.array_equal(alone, mixed)
    with safe_open(folder / "imaging" / "small_muon_32_1_salty_tiny.safetensors", framework="pt") as store:
        scale = float(store.get_tensor("front.shot_scale"))
    own = make_data_set(folder / "salty.yml", folder / "work" / "data" / "salty").statistics.shot_scale
    assert scale == pytest.approx(own, rel=1e-3)  # in half precision


def test_mirrored_features_are_those_of_mirrored_shots(folder: Path) -> None:
    manifest = make_data_set(folder / "tiny.yml", folder / "work" / "data" / "tiny")
    config = load(folder / "tiny.yml", {"target": "both", "network.front": "migrate"})
    net = build(bench_imaging.NETWORKS["small"], Shape.of(config.data), manifest.statistics.shot_scale)
    assert isinstance(net, bench_imaging.MigratingNetwork)
    shots = torch.randn(2, 2, 240, 24)
    level = net.front.level(shots)
    batch = (level, net.front.arrange(level), torch.zeros(2, 2, 24, 24))
    turned = net.front.level(shots.flip(1, 3))
    mirror(batch, torch.tensor([True, True]))
    torch.testing.assert_close(batch[0], turned, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(batch[1], net.front.arrange(turned), atol=1e-4, rtol=1e-4)
