"""Steps of a training, timed: what is measured is what the row says."""

import json
from pathlib import Path

import bench_steps
import pytest
import torch
from lib import record


def test_each_way_has_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    monkeypatch.setattr(bench_steps, "SIDE", 64)
    monkeypatch.setattr(bench_steps, "WAYS", (bench_steps.Way(batch=2), bench_steps.Way(batch=2, kept=False)))
    threads = torch.get_num_threads()
    bench_steps.main(rounds=1, steps=1)
    torch.set_num_threads(threads)
    kept, anew = json.loads((tmp_path / "steps.json").read_text())["rows"]
    assert kept["GFLOP_per_sample"] < anew["GFLOP_per_sample"]  # the front's matrices are multiplied as well
    assert kept["samples_per_second"] > 0
