"""Pruning a trained network in miniature: rows of what is pruned beside the same training without."""

import json
from pathlib import Path

import bench_imaging
import bench_pruned
from lib import imaging_page, record

from tests.benchmarks.tiny import tiny_preset


def test_rows_tell_what_pruning_takes_from_what_more_samples_give(tmp_path: Path, monkeypatch) -> None:
    preset, work = tiny_preset(tmp_path), tmp_path / "work"
    (tmp_path / "imaging").mkdir()
    for module in (bench_imaging, record):
        monkeypatch.setattr(module, "RESULTS", tmp_path)
    monkeypatch.setattr(imaging_page, "FILE", tmp_path / "imaging.json")
    monkeypatch.setattr(bench_pruned, "ROWS", ((0.0, "lamp", False), (0.6, "lamp", True), (0.9, "lamp", True)))
    bench_imaging.main(32, models=20, preset=[preset], work=work)
    bench_pruned.main("small_muon_32_1_tiny", samples=32, models=20, seeds=2, rows=2, preset=preset, work=work)
    rows = json.loads((tmp_path / "pruned.json").read_text())["rows"]
    assert [row["how"] for row in rows] == ["as trained", "fine-tuned", "pruned, lamp, taught"]
    trained, tuned, pruned = rows
    assert trained["rtm_ssim_mean"] != tuned["rtm_ssim_mean"]
    assert (trained["seeds"], tuned["seeds"], pruned["seeds"]) == (1, 2, 2)
    assert pruned["nonzero"] < 0.45 * tuned["nonzero"]
    assert pruned["packed_float32"] < 0.55 * tuned["packed_float32"]
    assert tuned["packed_int8"] < 0.4 * tuned["packed_float32"]
    assert "| pruned, lamp, taught | 0.6 |" in (tmp_path / "pruned.md").read_text()
