"""What comes with the program images shots of its survey, in the sizes and under the names that are promised."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from compressors import Imager
from compressors.bundles.bundle import load_bundle
from compressors.bundles.ready_made import FOLDER, find_bundle, ready_made
from compressors.verify import compare_onnx
from datagen.errors import InputError
from datagen.velocity import draw_velocity
from datagen.waves.modelling import WaveEngine
from trials.prediction.picking.picking_network import load_network


def test_openfwi_images_a_model_that_it_never_saw() -> None:
    imager = Imager("openfwi")
    recipe = imager.contents.data
    velocity_ZX = draw_velocity(replace(recipe, seed=recipe.seed + 12345), 0)
    shots_BSTR, image_BZX = WaveEngine(recipe).shoot_and_migrate(velocity_ZX[None])
    found_velocity_ZX, found_image_ZX = imager(shots_BSTR)[0]
    for found_ZX, true_ZX in ((found_velocity_ZX, velocity_ZX), (found_image_ZX, image_BZX[0])):
        assert np.corrcoef(found_ZX.ravel(), true_ZX.ravel())[0, 1] > 0.8
    assert compare_onnx("openfwi", shots_BSTR) < 1e-4


@pytest.mark.parametrize("name", ready_made())
def test_it_is_small_and_shows_what_it_does(name: str) -> None:
    files = list((FOLDER / name).iterdir())
    assert sum(file.stat().st_size for file in files) < 2_000_000
    assert {"README.md", "picture.png", "model.onnx"} <= {file.name for file in files}
    assert load_bundle(name).contents.name == name


def test_openfwi_and_field_are_among_them() -> None:
    assert {"openfwi", "field"} <= set(ready_made())


def test_field_picks_a_gather_that_it_never_saw() -> None:
    network = load_network(Path("field"))
    time_TR = network.survey.interval * np.arange(600)[:, None] - (0.02 + 0.001 * np.abs(np.arange(30) - 8))
    noise_TR = np.random.default_rng(0).standard_normal(time_TR.shape)
    swing_TR = np.where(time_TR > 0, np.sin(2 * np.pi * 50 * time_TR) * np.exp(-60 * time_TR.clip(0)), 0)
    picked = network((swing_TR + 0.01 * noise_TR).astype(np.float32), network.survey.interval)
    error_R = picked.time_R - (0.02 + 0.001 * np.abs(np.arange(30) - 8))
    assert np.median(np.abs(error_R)) < 0.003
    assert np.median(picked.confidence_R) > 0.5


def test_a_folder_of_the_same_name_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_bundle("openfwi") == FOLDER / "openfwi"
    os.mkdir("openfwi")
    assert find_bundle("openfwi") == Path("openfwi")


@pytest.mark.parametrize("name", ["openfwy", "exports/none", "../ready/openfwi"])
def test_an_unknown_name_is_told_the_known_ones(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"no such folder.*ready-made one: field, openfwi"):
        find_bundle(name)
