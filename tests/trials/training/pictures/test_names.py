"""Which picture of a run came after which."""

import os
from pathlib import Path

import pytest

from trials.training.pictures.names import forget_pictures, last_picture, picture_name, pictures


def draw(run: Path, *names: str) -> None:
    """All at one time, as in a copy."""
    (run / "predictions").mkdir(parents=True, exist_ok=True)
    for name in names:
        file = run / "predictions" / name
        file.write_bytes(b"")
        os.utime(file, (1.8e9, 1.8e9))


@pytest.mark.parametrize(
    "names",
    [
        [picture_name("tune", epoch) for epoch in (1, 9, 10, 90, 100, 1000)],
        [picture_name(f"compress-{step}", epoch) for step in (1, 2, 10) for epoch in (1, 3)],
        ["candidate-2-001.png", "candidate-10-001.png", "candidate-2-002.png", "candidate-2-006.png"],  # cells in turn
        ["cells-1b2c3d4e-002.png", "cells-99aa0011-002.png", "retrain-001.png"],  # of Archai
    ],
    ids=lambda names: names[0].split("-")[0],
)
def test_the_order_is_that_of_the_training_whatever_the_times(tmp_path: Path, names: list[str]) -> None:
    draw(tmp_path, *reversed(names))
    assert pictures(tmp_path) == names
    assert last_picture(tmp_path) == tmp_path / "predictions" / names[-1]


def test_other_files_are_no_pictures_of_the_training(tmp_path: Path) -> None:
    assert pictures(tmp_path) == []
    assert last_picture(tmp_path) is None
    draw(tmp_path, "tune-003.png", "tune-003 copy.png", "zebra.png", "tune-x.png", "tune-\u00b2\u00b2\u00b2.png")
    (tmp_path / "predictions" / "tune-004.png").symlink_to("/etc/passwd")
    (tmp_path / "predictions" / "tune-005.png").mkdir()
    assert pictures(tmp_path) == ["tune-003.png"]


def test_only_the_pictures_of_one_cell_are_forgotten(tmp_path: Path) -> None:
    draw(tmp_path, "candidate-1-001.png", "candidate-1-002.png", "candidate-11-001.png")
    forget_pictures(tmp_path, "candidate-1")
    assert pictures(tmp_path) == ["candidate-11-001.png"]
