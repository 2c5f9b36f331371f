"""`--mirrored` of `seisnas predict` and `seisnas model`: what is written is made of the mean of two predictions."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from compressors import Imager
from compressors.bundles.contents import read_contents
from compressors.bundles.untrained import untrained_bundle
from datagen.errors import InputError
from tests.trials.prediction.oracle import Oracle
from trials.commands.app import app
from trials.prediction.model_window import model_window
from trials.prediction.predict import predict
from trials.prediction.predicted_velocity import PredictedVelocity


@pytest.fixture
def shots_STR() -> Any:
    return np.random.default_rng(0).standard_normal((2, 60, 20)).astype(np.float32)


@pytest.fixture
def shots(shots_STR: Any, tmp_path: Path) -> Path:
    np.save(tmp_path / "shots.npy", shots_STR)
    return tmp_path / "shots.npy"


def mean(bundle: Path, shots_STR: Any) -> Any:
    imager = Imager(bundle)
    return (imager(shots_STR[None]) + imager(shots_STR[None, ::-1, :, ::-1])[..., ::-1]) / 2


def test_the_command_writes_the_mean(tiny_bundle: Path, shots: Path, shots_STR: Any, tmp_path: Path) -> None:
    words = f"predict {tiny_bundle} {shots} --mirrored -o {tmp_path / 'image.npy'}"
    assert CliRunner().invoke(app, words.split(), catch_exceptions=False).exit_code == 0
    expected_ZX, plain_ZX = mean(tiny_bundle, shots_STR)[0, 0], Imager(tiny_bundle)(shots_STR[None])[0, 0]
    largest = np.abs(expected_ZX).max()
    np.testing.assert_allclose(np.load(tmp_path / "image.npy"), expected_ZX, atol=1e-5 * largest)
    assert np.abs(plain_ZX - expected_ZX).max() > 1e-2 * largest


def test_shots_are_migrated_in_the_mean_velocity_and_it_is_explained(
    tiny_velocity_bundle: Path, shots: Path, shots_STR: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    explained: list[Any] = []

    def write_misfit(velocity: PredictedVelocity, batches: Iterable[Any], *_: Any) -> list[Path]:
        explained.extend(map(velocity, batches))
        return []

    monkeypatch.setattr("trials.prediction.predict.write_misfit", write_misfit)
    predict(tiny_velocity_bundle, shots, [tmp_path / "image.npy"], mirrored=True, migrate=True, explain=True)
    mean_B1ZX, plain_B1ZX = mean(tiny_velocity_bundle, shots_STR), Imager(tiny_velocity_bundle)(shots_STR[None])
    (found_BZX,) = explained
    np.testing.assert_allclose(found_BZX, mean_B1ZX[:, 0], atol=0.01)  # m/s
    assert np.abs(plain_B1ZX - mean_B1ZX).max() > 1
    velocity = PredictedVelocity("mean", Oracle(read_contents(tiny_velocity_bundle), mean_B1ZX))
    image_ZX = velocity.migrate(velocity(shots_STR[None]), shots_STR[None])[0]
    np.testing.assert_allclose(np.load(tmp_path / "image.npy"), image_ZX, atol=1e-4 * np.abs(image_ZX).max())


def test_modelled_shots_are_imaged_as_the_mean_too(tiny_bundle: Path, tmp_path: Path) -> None:
    ground_ZX = np.full((16, 20), 2000.0)
    ground_ZX[8:, :7] = 3000.0
    np.save(tmp_path / "ground.npy", ground_ZX)
    words = f"model {tiny_bundle} {tmp_path / 'ground.npy'} --spacing 10 --mirrored -o {tmp_path / 'image.npy'}"
    assert CliRunner().invoke(app, words.split(), catch_exceptions=False).exit_code == 0
    np.save(tmp_path / "turned.npy", ground_ZX[:, ::-1])
    model_window(tiny_bundle, tmp_path / "turned.npy", [tmp_path / "turned_image.npy"], spacing=10.0, mirrored=True)
    image_ZX, turned_ZX = (np.load(tmp_path / name) for name in ("image.npy", "turned_image.npy"))
    np.testing.assert_allclose(turned_ZX[:, ::-1], image_ZX, atol=1e-3 * np.abs(image_ZX).max())


def test_a_survey_that_is_not_its_own_mirror_image_is_refused(tiny_bundle: Path, shots: Path, tmp_path: Path) -> None:
    contents = read_contents(tiny_bundle)
    survey = dataclasses.replace(contents.data.survey, source_positions=(0.0, 100.0))
    data = dataclasses.replace(contents.data, survey=survey)
    lopsided = untrained_bundle(tmp_path / "lopsided", contents.network, data, name="lopsided")
    predict(lopsided, shots, [tmp_path / "image.npy"])
    with pytest.raises(InputError, match=r"--mirrored: .* of lopsided would lie 9.0 cells off"):
        predict(lopsided, shots, [tmp_path / "mean.npy"], mirrored=True)
    assert not (tmp_path / "mean.npy").exists()


def test_a_velocity_that_is_given_is_refused(tiny_bundle: Path, shots: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--mirrored: got it with --migration-velocity mine.npy, .*one of the two"):
        predict(tiny_bundle, shots, [tmp_path / "image.npy"], mirrored=True, migration_velocity=Path("mine.npy"))
