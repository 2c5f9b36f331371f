"""Depth errors and moved images; then the whole calibration in miniature."""

import json
from typing import Any

import bench_calibration
import numpy as np
import pytest
from lib import calibration_table, imaging_page, record
from lib.misplaced import depth_errors, depth_period, moved

from tests.benchmarks.tiny import small_weights, tiny_data_set

DEPTH = np.arange(40)


def test_a_constant_velocity_that_is_too_fast_stretches() -> None:
    true_MZX = np.full((2, 40, 3), 2000.0)
    np.testing.assert_allclose(depth_errors(true_MZX, 1.05 * true_MZX), 0.05 * DEPTH[:, None] + 0 * true_MZX, atol=1e-9)


def test_a_layer_that_is_too_slow_lifts_all_that_lies_below() -> None:
    true_MZX, wrong_MZX = (np.full((1, 40, 1), 2000.0) for _ in range(2))
    wrong_MZX[:, 10:20] = 1000.0
    error_Z = depth_errors(true_MZX, wrong_MZX)[0, :, 0]
    np.testing.assert_allclose(error_Z[:10], 0, atol=1e-9)
    np.testing.assert_allclose(error_Z[30:], error_Z[30], atol=1e-9)
    assert error_Z[30] == pytest.approx(-10 / 1, abs=1.0)  # ten cells take the time of twenty, within the steps' width


def test_images_move_by_parts_of_a_cell() -> None:
    wave_Z = np.sin(2 * np.pi * DEPTH / 10)
    expected_Z = np.sin(2 * np.pi * (DEPTH - 0.25) / 10)
    moved_MZX = moved(wave_Z[None, :, None] * np.ones((1, 1, 2)), DEPTH + 0.25)
    np.testing.assert_allclose(moved_MZX[0, 3:-3, 1], expected_Z[3:-3], atol=3e-3)


def test_the_period_of_an_image_is_that_of_its_waves() -> None:
    wave_MZX = np.sin(2 * np.pi * np.arange(200) / 10)[None, :, None] * np.ones((1, 1, 2))
    assert depth_period(wave_MZX) == pytest.approx(10, rel=0.05)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("calibration")
    data = tiny_data_set(folder / "data")
    weights = small_weights(folder / "tiny_weights.safetensors", data)
    trained = {"target": "rtm", "model": imaging_page.NAMES["small"], "optimizer": "muon", "samples_seen": 64}
    trained |= {"trained_on": "openfwi", "test_split_of": "openfwi"}
    trained |= {"ssim_mean": 0.8, "correlation_mean": 0.9}
    (folder / "imaging.json").write_text(json.dumps({"rows": [trained, trained | {"model": "mirrored"}]}))
    with pytest.MonkeyPatch.context() as patch:
        for module in (record, calibration_table):
            patch.setattr(module, "RESULTS", folder)
        patch.setattr(imaging_page, "FILE", folder / "imaging.json")
        bench_calibration.main(str(folder / "data"), models=8, weights=weights)
    assert (folder / "calibration.png").stat().st_size > 10_000
    assert str(folder) not in (folder / "calibration.json").read_text()
    found: list[dict[str, Any]] = json.loads((folder / "calibration.json").read_text())["rows"]
    return found


def of(rows: list[dict[str, Any]], fault: str, name: str) -> list[Any]:
    return [row[name] for row in rows if row["fault"] == fault]


def test_the_true_velocity_gives_the_label(rows: list[dict[str, Any]]) -> None:
    assert rows[0]["ssim_mean"] == pytest.approx(1, abs=1e-3)


def test_the_worse_the_velocity_the_lower_the_score_and_the_larger_the_error_of_depth(
    rows: list[dict[str, Any]],
) -> None:
    for fault in ("smooth random errors", "velocity times", "slowness smoothed"):
        assert of(rows, fault, "ssim_mean") == sorted(of(rows, fault, "ssim_mean"), reverse=True)
        assert of(rows, fault, "depth_error_m") == sorted(of(rows, fault, "depth_error_m"))


def test_a_network_is_likened_to_a_moved_image(rows: list[dict[str, Any]]) -> None:
    ssims, moves = (of(rows, "moved down", name) for name in ("ssim_mean", "depth_error_m"))
    (like,) = of(rows, "network of imaging.md", "like_moved_m")
    assert np.interp(like, [0, *moves], [1, *ssims]) == pytest.approx(0.8, abs=0.01)
    assert of(rows, "image of zeros", "correlation_mean") == [0]
