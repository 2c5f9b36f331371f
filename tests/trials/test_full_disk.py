"""A disk that is full, a small one mounted for the test: told in one message, nothing lost, and on it goes."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import save_file

from datagen.errors import InputError
from datagen.full_disk import report_full_disk
from trials.pretraining.pretrain import pretrain
from trials.results.export import export
from trials.results.report.report import ModelRow, Report
from trials.results.report.write import write_report
from trials.running.channel import Channel
from trials.running.run_folder import RunFolder
from trials.settings.config import Config, load
from trials.stages.execute import execute

TINY = {
    "name": "tiny",
    "device": "cpu",
    "network": {"model": "unet", "depth": 2, "width": 8},
    "training": {"batch_size": 8},
    "tune": {"epochs": 2},
    "compress": {"epochs": 2},
    "pretrain": {
        "gather": {"rows": 24},
        "columns": 16,
        "steps": 4,
        "batch_size": 4,
        "latent": 4,
        "source": "gathers",
        "npy_interval": 0.001,
    },
}

MODEL = ModelRow(
    name="UNet", parameters=9, nonzero=9, file_bytes=9, packed_bytes=9, latency_ms=1, ssim=0.5, correlation=0.7, mae=0.1
)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own; `room` changes its size."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(folder)]
    if os.getuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a file system can be mounted by root only")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def room(disk: Path, size: str) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(disk)], check=True)


@pytest.fixture(scope="module")
def config(tiny_data: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Config:
    folder = tmp_path_factory.mktemp("full")
    np.save(folder / "gathers.npy", np.random.default_rng(0).standard_normal((20, 48, 16)).astype(np.float32))
    there = {"pretrain": TINY["pretrain"] | {"gathers": [str(folder / "gathers.npy")]}, "data": tiny_data}  # type: ignore[operator]
    (folder / "tiny.yml").write_text(yaml.safe_dump(TINY | there))
    return load(folder / "tiny.yml")


@pytest.fixture(scope="module")
def tuned(config: Config, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    run = RunFolder(tmp_path_factory.mktemp("tuned"))
    execute("tune", config, run, Channel())
    return run


def full_and_then_not(disk: Path, size: str, work: Callable[[], object]) -> None:
    room(disk, size)
    with pytest.raises(InputError, match=r"the disk of .* is full; free some space and run the same command again"):
        work()
    room(disk, "100m")
    work()


@pytest.mark.parametrize("size", ["4k", "64k", "200k"])
def test_a_training_goes_on_when_there_is_room(config: Config, tuned: RunFolder, disk: Path, size: str) -> None:
    run = RunFolder(disk / "run")
    full_and_then_not(disk, size, lambda: execute("tune", config, run, Channel()))
    assert [row["epoch"] for row in run.metrics] == [0, 1]
    for name, weight in tuned.load_weights().items():
        torch.testing.assert_close(run.load_weights()[name], weight, rtol=1e-4, atol=1e-5)


def test_a_compression_goes_on_when_there_is_room(tuned: RunFolder, disk: Path) -> None:
    run = RunFolder(disk / "run")
    full_and_then_not(disk, "200k", lambda: execute("compress", tuned.config, run, Channel(), source=tuned))
    assert [row["epoch"] for row in run.metrics] == [0, 1]


def test_a_pretraining_goes_on_when_there_is_room(config: Config, disk: Path) -> None:
    run = RunFolder(disk / "run")
    wanted = replace(config, pretrain=replace(config.pretrain, kind="autoencoder"))
    full_and_then_not(disk, "64k", lambda: pretrain(wanted, run, lambda line: None))
    assert run.finished


def test_a_bundle_that_was_there_is_kept_when_the_new_one_has_no_room(
    tuned: RunFolder, tiny_bundle: Path, disk: Path
) -> None:
    room(disk, "100m")
    bundle = Path(shutil.copytree(tiny_bundle, disk / "bundle"))
    there = {file.name: file.read_bytes() for file in bundle.iterdir()}
    room(disk, f"{sum(map(len, there.values())) // 1024 + 100}k")
    with pytest.raises(InputError, match=r"is full; free .* the run and any earlier bundle are kept"):
        export(tuned, bundle)
    assert {file.name: file.read_bytes() for file in bundle.iterdir()} == there
    assert list(disk.iterdir()) == [bundle]


def test_a_report_that_was_there_is_kept_until_the_new_one_has_room(disk: Path) -> None:
    page = Report(title="tiny", target="rtm", models=(MODEL,), commands=("seisnas run",))
    full_and_then_not(disk, "4k", lambda: write_report(page, disk / "report.html"))
    room(disk, f"{(disk / 'report.html').stat().st_size // 1024 + 8}k")
    before = (disk / "report.html").read_bytes()
    with pytest.raises(InputError, match="is full"):
        write_report(replace(page, title="other"), disk / "report.html")
    assert (disk / "report.html").read_bytes() == before


def test_weights_that_do_not_fit_are_a_full_disk(disk: Path) -> None:
    with pytest.raises(InputError, match="is full"), report_full_disk(disk, "nothing is lost"):
        save_file({"weight": torch.zeros(100_000)}, disk / "weights.safetensors")


def test_other_errors_are_not_taken_for_a_full_disk(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), report_full_disk(tmp_path, "nothing is lost"):
        (tmp_path / "none").read_text()
