"""Strategies beside each other: replayed on cells that are trained already, and searching in miniature."""

import json
from pathlib import Path

import bench_ranking
import bench_search
import pytest
from lib import record

from search_spaces.genotype import Genotype
from tests.benchmarks.tiny import tiny_preset


def cell(number: int, score: float, *, late: bool = False) -> dict:
    """A trained one, whose scores rise evenly to the last, or stay low until it."""
    genotype = Genotype.random(depth=2, width=8, nodes=1, operations="small", seed=number)
    curve = [{"rtm_ssim": score * (0.1 if late else place / 12)} for place in range(1, 13)]
    curve[-1]["rtm_ssim"] = score
    curve = [point | {"loss": 1 - score} for point in curve]
    scores = {"rtm_ssim": score, "test_rtm_ssim": score - 0.02}
    return {
        "cells": genotype.to_json(),
        "samples": 12_000,
        "core_minutes": 4.0,
        "parameters": 100,
        "curve": curve,
    } | scores


def test_halving_keeps_what_is_ahead_and_pays_for_each_sample_once() -> None:
    cells = [cell(number, 0.5 + number / 100) for number in range(16)]
    late = [*cells, cell(16, 0.9, late=True)]
    assert bench_search.halving(cells, bench_search.validation_after) is cells[-1]
    assert bench_search.halving(late, bench_search.validation_after) is cells[-1]
    assert bench_search.halving(late, bench_search.loss_after) is late[-1]
    assert bench_search.halving_cost(12_000) == 16_000 + 8_000 + 4 * 2_000 + 2 * 4_000 + 4_000
    assert bench_search.halving_cost(2_000) == 16_000 + 8_000


def test_replayed_strategies_choose_on_validation_and_are_judged_on_test() -> None:
    rows = {row["strategy"]: row for row in bench_search.replayed([cell(n, 0.5 + n / 100) for n in range(16)])}
    assert list(rows) == [
        "one draw",
        "random",
        bench_search.EIGHT,
        "halving, validation SSIM",
        "halving, training loss",
    ]
    one, random, eight, _, halving = rows.values()
    assert one["ssim_mean"] == pytest.approx(0.555, abs=0.005)  # the mean of test scores
    assert one["ssim_mean"] < random["ssim_mean"] < halving["ssim_mean"] <= 0.63
    assert halving["over_random"] > halving["over_random_standard_error"] > 0
    assert one["cost_core_seconds"] == 240
    assert random["cost_core_seconds"] == halving["cost_core_seconds"] == 44_000 * 240 // 12_000
    assert random["over_random"] == 0
    assert random["ssim_mean"] < eight["ssim_mean"]  # at more than twice the samples
    assert eight["cost_core_seconds"] == 8 * 240


def test_how_well_a_strategy_ranks_is_told_where_it_looks_at_trainings() -> None:
    cells = [cell(number, 0.5 + number / 100) for number in range(16)]
    assert bench_search.ranks("random", cells) == [1.0]
    assert bench_search.ranks("halving, training loss", cells) == [1.0, 1.0, 1.0, 1.0]
    assert bench_search.ranks("darts", cells) is None


def test_what_a_one_shot_search_finds_is_trained_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    for module in (bench_ranking, bench_search):
        monkeypatch.setattr(module, "EVERY", 16)
    monkeypatch.setattr(bench_search, "RUNGS", (1, 2))
    brief = {"search.samples": 16, "search.epochs": 2, "search.warmup_epochs": 1, "search.width": 4}
    monkeypatch.setattr(bench_search, "SEARCH", brief)
    preset, work = tiny_preset(tmp_path), tmp_path / "work"
    preset.write_text(preset.read_text() + "network: {depth: 2, nodes: 1, operations: small, max_parameters: 40000}\n")
    bench_ranking.main(cells=4, samples=32, models=16, preset=preset, work=work)
    for _ in range(2):  # the second time nothing is searched again
        bench_search.main(seeds=2, samples=32, models=16, strategies="darts", preset=preset, work=work)
    found = json.loads((tmp_path / "found.json").read_text())["rows"]
    assert [(row["strategy"], row["seed"]) for row in found] == [("darts", 1), ("darts", 2)]
    assert all(10_000 < row["parameters"] <= 40_000 and row["cost_core_seconds"] >= 0 for row in found)
    assert (tmp_path / "search.png").exists()
    *_, darts = json.loads((tmp_path / "search.json").read_text())["rows"]
    assert darts["each"] == [round(row["test_rtm_ssim"], 4) for row in found]
    assert all(0 <= above <= 4 for above in darts["random_cells_above"])
