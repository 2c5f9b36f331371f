"""Cells ranked by cheap scores, in miniature."""

import json
from pathlib import Path

import bench_ranking
import numpy as np
import pytest
from lib import record

from search_spaces.genotype import Genotype
from tests.benchmarks.tiny import tiny_preset


def test_each_cell_is_trained_and_each_score_ranks_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    monkeypatch.setattr(bench_ranking, "EVERY", 16)
    preset = tiny_preset(tmp_path)
    preset.write_text(preset.read_text() + "network: {depth: 2, nodes: 1, operations: small, max_parameters: 40000}\n")
    bench_ranking.main(cells=4, samples=48, models=16, preset=preset, work=tmp_path / "work")
    rows = json.loads((tmp_path / "cells.json").read_text())["rows"]
    assert len({row["cells"] for row in rows}) == 4
    for row in rows:
        assert 10_000 < row["parameters"] <= 40_000
        assert Genotype.from_json(row["cells"]).encoder[0][0] not in ("skip", "none")
        assert len(row["curve"]) == 3
    ranked = {row["score"]: row for row in json.loads((tmp_path / "ranking.json").read_text())["rows"]}
    assert len(ranked) == 2 + 2 * 2
    assert all(-1 <= row["tau_low"] <= row["tau"] <= row["tau_high"] <= 1 for row in ranked.values())


def test_the_rank_of_a_score_is_kendalls() -> None:
    full = [0.1, 0.4, 0.2, 0.3]
    assert bench_ranking.rank(full, [1, 4, 2, 3])["tau"] == 1
    assert bench_ranking.rank(full, [4, 1, 3, 2])["tau"] == -1
    found = bench_ranking.rank(full, [1, 3, 2, 4])
    assert found["tau"] == pytest.approx(4 / 6, abs=1e-3)
    assert (found["full_score_of_its_best"], found["full_score_best"]) == (0.3, 0.4)
    assert found["full_score_median"] == np.median(full)
