from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datagen.config import Data, Grid, Split, VelocityFile
from datagen.errors import InputError
from datagen.files.sections import parts, resample
from datagen.velocity import draw_velocity

MakeData = Callable[..., Data]
SPLIT = Split(train=20, validation=8, test=5)
INDICES = {"train": range(20), "validation": range(20, 28), "test": range(28, 33)}


def plane(*shape: int, spacing: float) -> np.ndarray:
    """[z, y, x]: 1500 m/s at the origin, and 2, 0.5 and 1 m/s more a metre of depth, y and x."""
    z, y, x = np.meshgrid(*(np.arange(cells) * spacing for cells in shape), indexing="ij")
    return 1500.0 + 2 * z + 0.5 * y + x


@pytest.fixture
def from_file(make_data: MakeData, tmp_path: Path) -> Callable[..., Data]:
    """A data set whose models are cut from this array; sections are 16 × 24 nodes of 10 m."""

    def make(array: np.ndarray, **settings: Any) -> Data:
        np.save(tmp_path / "v.npy", array.astype(np.float32))
        return make_data(velocity_file=VelocityFile(path=str(tmp_path / "v.npy"), **settings), split=SPLIT)

    return make


def changed(data: Data, before: np.ndarray, after: np.ndarray) -> set[str]:
    """Splits in which a sample is another one when the file changes."""
    assert data.velocity_file is not None
    found = set()
    for split, indices in INDICES.items():
        for index in indices:
            pair = []
            for array in (before, after):
                path = data.velocity_file.path.replace("v.npy", f"{len(pair)}.npy")
                np.save(path, array.astype(np.float32))
                pair.append(draw_velocity(replace(data, velocity_file=replace(data.velocity_file, path=path)), index))
            if not np.array_equal(*pair):
                found.add(split)
    return found


@pytest.mark.parametrize(("spacing", "cells"), [(10.0, (40, 90, 90)), (4.0, (70, 210, 210)), (25.0, (20, 40, 40))])
def test_sections_of_a_cube_are_the_velocities_of_one_vertical_plane(from_file, spacing, cells):
    data = from_file(plane(*cells, spacing=spacing), axes="zyx", spacing=spacing, top=(0, 100))
    slopes = []
    for index in range(33):
        velocity_ZX = draw_velocity(data, index).astype(np.float64)
        slope = round(float(velocity_ZX[8, 12] - velocity_ZX[8, 11]) / 10, 2)
        expected_ZX = velocity_ZX[8, 12] + 20 * (np.arange(16)[:, None] - 8) + 10 * slope * (np.arange(24) - 12)
        inside = slice(2, -2)  # the smoothing sees two nodes beyond, where the file may have ended
        assert np.abs(velocity_ZX / expected_ZX - 1)[inside, inside].max() < 1e-3
        slopes.append(slope)
    assert set(slopes) == {0.5, 1.0}  # crosslines and inlines


def test_a_section_on_the_nodes_of_the_file_is_the_file(from_file):
    model_ZX = np.random.default_rng(0).uniform(1500, 4500, (16, 90)).astype(np.float32)
    data = from_file(model_ZX, spacing=10.0)
    windows = np.lib.stride_tricks.sliding_window_view(model_ZX, (16, 24))[0]
    for index in range(33):
        assert any(np.array_equal(draw_velocity(data, index), window) for window in windows)


def test_detail_finer_than_the_grid_does_not_fold_into_it():
    fine_ZX = np.where(np.arange(300) % 4 < 2, 2000.0, 4000.0)[:, None] * np.ones((1, 300))
    section_ZX = resample(fine_ZX, (2.0, 2.0), (50.0, 50.0), Grid(nz=16, nx=24, spacing=10.0))
    assert np.abs(1 / section_ZX - (1 / 2000 + 1 / 4000) / 2).max() < 2e-6


@pytest.mark.parametrize("spacing", [3.0, 10.0, 17.0])
def test_no_velocity_arises_that_the_file_does_not_have(from_file, spacing):
    salt_ZX = np.where(np.random.default_rng(0).random((60, 240)) < 0.5, 1500.0, 4500.0)
    data = from_file(salt_ZX, spacing=spacing)
    drawn = np.stack([draw_velocity(data, index) for index in range(33)])
    assert drawn.min() >= 1500 * (1 - 1e-6)
    assert drawn.max() <= 4500 * (1 + 1e-6)


@pytest.mark.parametrize("spacing", [10.0, 4.0, 12.5])
@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_no_cell_of_one_model_is_used_by_two_splits(from_file, spacing, split):
    model_ZX = np.full((60, 260), 2000.0)
    data = from_file(model_ZX, spacing=spacing)
    first, end = parts(260, int(np.ceil(230 / spacing)) + 1, SPLIT)[list(INDICES).index(split)]
    other_ZX = model_ZX.copy()
    other_ZX[:, first:end] += 100 * np.arange(1, end - first + 1)
    assert changed(data, model_ZX, other_ZX) == {split}


@pytest.mark.parametrize("wide", [1, 2])
def test_no_cell_of_a_cube_is_used_by_two_splits(from_file, wide):
    shape = [16, 90, 90]
    shape[wide] = 130
    cube_ZYX = np.full(shape, 2000.0)
    data = from_file(cube_ZYX, axes="zyx", spacing=10.0)
    for (first, end), split in zip(parts(130, 24, SPLIT), INDICES, strict=True):
        other_ZYX = cube_ZYX.copy()
        np.moveaxis(other_ZYX, wide, 0)[first:end] += 100.0
        assert changed(data, cube_ZYX, other_ZYX) == {split}


def test_models_of_a_stack_follow_one_another_and_belong_to_one_split(from_file):
    stack_N1ZX = np.arange(2000.0, 2033.0)[:, None, None, None] * np.ones((1, 16, 24))
    data = from_file(stack_N1ZX, spacing=10.0)
    assert [float(draw_velocity(data, index)[0, 0]) for index in range(33)] == [2000.0 + index for index in range(33)]


def test_parts_are_in_proportion_and_wide_enough():
    assert parts(100, 10, Split(train=5, validation=1, test=1)) == [(0, 71), (71, 86), (86, 100)]
    assert parts(33, 1, SPLIT) == [(0, 20), (20, 28), (28, 33)]
    assert parts(30, 10, SPLIT) == [(0, 10), (10, 20), (20, 30)]
    assert parts(29, 10, SPLIT) is None


def test_samples_are_a_function_of_seed_and_index(from_file):
    data = from_file(np.random.default_rng(0).uniform(1500, 4500, (60, 260)), spacing=10.0, top=(0, 300))
    assert np.array_equal(draw_velocity(data, 3), draw_velocity(data, 3))
    assert not np.array_equal(draw_velocity(data, 3), draw_velocity(data, 4))
    assert not np.array_equal(draw_velocity(data, 3), draw_velocity(replace(data, seed=8), 3))


def test_sections_start_within_the_depths_asked_for(from_file):
    model_ZX = 2000.0 + 10 * np.arange(60)[:, None] * np.ones((1, 90))  # 1 m/s a metre
    data = from_file(model_ZX, spacing=10.0, top=(100, 300))
    tops = {float(draw_velocity(data, index)[0, 0]) - 2000 for index in range(33)}
    assert min(tops) >= 100
    assert max(tops) <= 300
    assert len(tops) > 10


@pytest.mark.parametrize(
    ("shape", "settings", "told"),
    [
        ((16, 60), {}, r"v\.npy: 590 m wide, three sections beside one another"),
        ((15, 90), {}, r"v\.npy: 140 m deep, a section of 150 m from 0 m leaves it"),
        ((30, 90), {"top": (0, 200)}, r"290 m deep, a section of 150 m from 200 m leaves it"),
        ((5, 16, 20), {}, r"v\.npy: 190 m wide, a section of 230 m must fit"),
        ((16, 40, 60), {"axes": "zyx"}, r"v\.npy: 590 m wide, three sections"),
        ((12, 90, 90), {"axes": "zyx"}, r"v\.npy: 110 m deep, a section of 150 m"),
    ],
)
def test_a_file_smaller_than_its_sections_is_refused(from_file, shape, settings, told):
    with pytest.raises(InputError, match=told):
        draw_velocity(from_file(np.full(shape, 2000.0), spacing=10.0, **settings), 0)
