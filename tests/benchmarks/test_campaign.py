"""The run on a big GPU in miniature: data, growing pool, training, cut, resumption, rows, page and weights."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Event
from typing import Any

import campaign
import pytest
import torch
from safetensors import safe_open

from datagen.shards.manifest import read_manifest

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "benchmarks"

PRESET = """
name: tiny
data:
  folder: data/tiny
  seed: 5
  grid: {nz: 24, nx: 24, spacing: 10.0}
  survey: {shots: 2, receivers: 24, frequency: 15.0, interval: 0.001, samples: 240}
  split: {train: 16, validation: 8, test: 8}
  shard_size: 8
  dtype: float16
"""
POOL = 64


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("campaign")
    (folder / "tiny.yml").write_text(PRESET)
    return folder


def start(folder: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(BENCHMARKS / "campaign.py"), "--preset", "tiny.yml", "--work", "work", *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.Popen(
        command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def rows(out: Path) -> dict[str, Any]:
    return {row["label"]: row for row in json.loads((out / "campaign_cpu.json").read_text())["rows"]}


@pytest.fixture(scope="module")
def cut(folder: Path) -> dict[str, Any]:
    """Rows of a campaign that SIGTERM has ended during its first network, when the pool had begun to grow."""
    options = ("--networks", "small/velocity,small/rtm", "--models", str(POOL), "--workers", "2", "--out", "out")
    process = start(folder, "--minutes", "20", *options)
    began = time.monotonic()
    while not ((pool := read_manifest(folder / "work" / "pool")) and pool.shards):
        assert process.poll() is None
        assert time.monotonic() - began < 300
        time.sleep(0.1)
    time.sleep(3)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 128 + signal.SIGTERM, output
    assert (folder / "work" / "states" / "small_velocity.safetensors").exists()
    return rows(folder / "out")


@pytest.fixture(scope="module")
def resumed(folder: Path, cut: dict[str, Any]) -> dict[str, Any]:
    """Rows after the same command has been given again, with time enough."""
    options = ("--networks", "small/velocity,small/rtm", "--models", str(POOL), "--workers", "2", "--out", "out")
    process = start(folder, "--minutes", "0.4", *options)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    return rows(folder / "out")


def test_a_cut_leaves_a_row_of_what_was_under_way(cut):
    (row,) = cut.values()
    assert row["cut"]
    assert row["samples"] > 0
    assert 0 < row["velocity_ssim"] < 1


def test_the_same_command_goes_on_with_what_was_cut_and_trains_what_is_missing(folder, cut, resumed):
    assert list(resumed) == ["small/velocity", "small/rtm"]
    assert not any(row["cut"] for row in resumed.values())
    before, after = cut["small/velocity"], resumed["small/velocity"]
    assert after["samples"] > before["samples"]
    assert after["seconds"] > before["seconds"]
    assert after["curve"][: len(before["curve"])] == before["curve"]
    assert not list((folder / "work" / "states").iterdir())


def test_the_pool_grows_beside_the_training(cut, resumed):
    assert 16 < cut["small/velocity"]["models"] <= resumed["small/rtm"]["models"] <= 16 + POOL


def test_page_figure_and_weights_of_small_networks_are_left(folder, resumed):
    assert "| small | 604,961 |" in (folder / "out" / "campaign_cpu.md").read_text()
    assert (folder / "out" / "campaign_cpu.png").stat().st_size > 10_000
    for label in ("small_velocity", "small_rtm"):
        with safe_open(folder / "out" / "weights" / f"{label}.safetensors", framework="pt") as store:
            assert "head.weight" in store.keys()  # noqa: SIM118  it is no mapping


def test_without_a_compiler_it_trains_on_what_was_brought_along(folder, resumed, monkeypatch, capsys):
    monkeypatch.setenv("CC", "no-such-compiler")
    brought, nothing = str(folder / "work" / "preset"), Event()
    with campaign.lessons(folder / "tiny.yml", folder / "work2", 0, 1, brought, torch.device("cpu"), nothing) as lesson:
        began = time.monotonic()
        while lesson.pool.models < 16:
            assert time.monotonic() - began < 60
    assert lesson.data == brought
    assert "there is no C compiler (no-such-compiler): no new models" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "there is no C compiler (no-such-compiler): no models can be made here; bring a finished data set"),
        ({"networks": "small/rmt"}, "--networks: got small/rmt; known: migrating/velocity+rtm, small/velocity"),
    ],
)
def test_what_the_user_can_fix_ends_with_status_2_and_one_line(folder, options, message, monkeypatch, capsys):
    monkeypatch.setenv("CC", "no-such-compiler")
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    with pytest.raises(SystemExit) as end:
        campaign.main(1.0, preset=folder / "tiny.yml", work=folder / "work3", out=folder, **options)
    assert end.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("campaign", "nni devito codepy segyio skfmm obspy pytorch_lightning"),
        ("lib.campaign_make", "nni segyio skfmm obspy pytorch_lightning torch"),
    ],
)
def test_training_needs_no_devito_and_neither_part_needs_nni(module, absent):
    code = f"import sys; sys.modules.update(dict.fromkeys('{absent}'.split())); import {module}"
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{BENCHMARKS}"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
