"""Pictures of the validation models that a training leaves."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from compressors.outputs import RTM, VELOCITY
from datagen.config import Grid
from trials.running.channel import Channel
from trials.running.run_folder import RunFolder
from trials.settings.config import load
from trials.stages.execute import execute
from trials.training.pictures import epochs
from trials.training.pictures.epochs import is_round
from trials.training.pictures.sheet import Row, draw_sheet

Trained = Callable[..., RunFolder]


@pytest.fixture
def trained(tiny_data: dict[str, Any], tmp_path: Path) -> Trained:
    """A tiny training of an image, for a number of epochs."""

    def train(epochs: int, name: str = "run", **changes: Any) -> RunFolder:
        settings = {
            "name": "tiny",
            "data": tiny_data,
            "network": {"model": "unet", "depth": 2, "width": 4},
            "training": {"batch_size": 4},
            "tune": {"epochs": epochs},
        }
        (tmp_path / "tiny.yml").write_text(yaml.safe_dump(settings))
        run = RunFolder(tmp_path / name)
        execute("tune", replace(load(tmp_path / "tiny.yml"), **changes), run, Channel())
        return run

    return train


def pictures(run: RunFolder) -> list[str]:
    return sorted(file.name for file in (run.path / "predictions").glob("*"))


def test_round_epochs_and_the_latest_keep_their_picture(trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(epochs, "SHARE", 1e9)  # as if drawing took no time
    run = trained(12)
    assert pictures(run) == [f"tune-{epoch:03}.png" for epoch in (*range(1, 11), 12)]
    first, last = (np.asarray(Image.open(run.path / "predictions" / name)) for name in ("tune-001.png", "tune-010.png"))
    assert first.shape == last.shape
    assert (first != last).any()
    events = EventAccumulator(str(run.path / "tensorboard" / "tune"), size_guidance={"images": 0})
    events.Reload()
    board = events.Images("truth, prediction, difference")
    assert board[-1].step == 12
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(board[0].encoded_image_string))), first)
    assert [epoch for epoch in range(1, 1000) if is_round(epoch)][8:12] == [9, 10, 20, 30]


def test_of_epochs_too_short_for_their_share_of_drawing_the_last_has_a_picture(
    trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(epochs, "SHARE", 1e-9)
    assert pictures(trained(8)) == ["tune-001.png", "tune-008.png"]


def test_a_picture_changes_nothing_in_the_training(trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = trained(2).load_weights()
    monkeypatch.setattr("trials.training.fit._pictures", lambda *_: [])
    bare = trained(2, "bare").load_weights()
    assert all(torch.equal(drawn[name], bare[name]) for name in bare)


def test_a_run_with_other_settings_forgets_the_pictures(trained: Trained) -> None:
    old = trained(2).path / "predictions" / "tune-001.png"
    before = old.read_bytes()
    trained(2, seed=8)
    assert old.read_bytes() != before


def test_a_sheet_has_truth_prediction_and_difference_on_the_grid() -> None:
    truth_ZX = np.linspace(1500.0, 4500.0, 30 * 60).reshape(30, 60)
    row = Row(label="model 1", picture=VELOCITY, truth_ZX=truth_ZX, prediction_ZX=truth_ZX, ssim=1.0)
    sheet = draw_sheet([row], Grid(nz=30, nx=60, spacing=10.0), "epoch 1")
    assert np.asarray(sheet)[0, 0, 3] == 0  # transparent
    left, top, factor = 108, 80, 4  # of the first panel; pixels a cell
    panels = [sheet.crop((x, top, x + 240, top + 120)) for x in (left, left + 260, left + 520)]
    truth, prediction, difference = (np.asarray(panel)[:, :, :3].astype(int) for panel in panels)
    assert (truth == prediction).all()
    assert (np.ptp(difference, axis=(0, 1)) <= 1).all()  # white: no difference
    assert (truth[::factor, ::factor][0, 0] == [68, 1, 84]).all()  # the slowest, in viridis


@pytest.mark.parametrize(("nz", "nx"), [(24, 24), (600, 200), (100, 1200)])
def test_sections_of_any_shape_have_a_sheet(nz: int, nx: int) -> None:
    image_ZX = np.zeros((nz, nx))
    row = Row(label="model 1", picture=RTM, truth_ZX=image_ZX, prediction_ZX=image_ZX + np.nan, ssim=0.0)
    width, height = draw_sheet([row], Grid(nz=nz, nx=nx, spacing=12.5), "epoch 1").size
    assert 100 < width < 1200
    assert 100 < height < 1200
