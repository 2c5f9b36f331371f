import dataclasses
import json

import numpy as np
import pytest
from typer.testing import CliRunner

from compressors.bundles.contents import read_contents
from datagen.dataset import ShardDataset
from datagen.errors import InputError
from datagen.shards.manifest import load_manifest
from tests.trials.prediction.oracle import Oracle
from trials.commands.app import app
from trials.prediction.explain import misfit_table, write_misfit
from trials.prediction.predict import predict
from trials.prediction.predicted_velocity import PredictedVelocity


@pytest.fixture(scope="module")
def truth(tiny_data, tiny_velocity_bundle):
    """Shots and true velocities of test models, and the record of a bundle of their training."""
    manifest = load_manifest(tiny_data["folder"])
    contents = read_contents(tiny_velocity_bundle)
    contents = dataclasses.replace(contents, data=manifest.data, statistics=manifest.statistics)
    samples = ShardDataset(tiny_data["folder"], "test", "velocity")
    shots_BSTR = np.stack([samples[index][0].numpy() for index in range(2)])
    return contents, shots_BSTR, samples.targets[0].denormalise(np.stack([samples[n][1].numpy() for n in range(2)]))


def explained(contents, shots_BSTR, velocity_B1ZX, folder):
    velocity = PredictedVelocity("bundle", Oracle(contents, velocity_B1ZX))
    files = write_misfit(velocity, [shots_BSTR], folder / "image.npy", "tiny", folder / "shots.npy")
    assert [file.name for file in files] == ["image_misfit.json", "image_misfit.png"]
    assert files[1].read_bytes()[:4] == b"\x89PNG"
    return json.loads(files[0].read_text())


def test_the_true_velocity_explains_the_shots_of_a_data_set(truth, tmp_path):
    for model in explained(*truth, tmp_path)["models"]:
        assert model["misfit"] < 1e-3
        assert np.array(model["windows"], float).shape == (2, 5)
        assert model["unlike_training"] == []


def test_a_wrong_velocity_does_not_and_what_is_strange_is_listed(truth, tmp_path):
    contents, shots_BSTR, velocity_B1ZX = truth
    faster = velocity_B1ZX.copy()
    faster[1] = 4700.0
    record = explained(contents, shots_BSTR, faster, tmp_path)
    exact, wrong = record["models"]
    assert exact["misfit"] < 1e-3 < 0.5 < wrong["misfit"]
    assert exact["unlike_training"] == []
    assert "4500 m/s in the training" in wrong["unlike_training"][0]
    assert "unlike the training's data: 1 of 2" in misfit_table(record).caption


def test_a_silent_shot_is_null_in_the_file_and_a_dash_in_the_table(truth, tmp_path):
    contents, shots_BSTR, velocity_B1ZX = truth
    silent = shots_BSTR[:1].copy()
    silent[:, 1] = 0
    record = explained(contents, silent, velocity_B1ZX[:1], tmp_path)
    (model,) = record["models"]
    assert model["misfit"] < 1e-3
    assert (model["shots"][1], model["scale"][1], set(model["windows"][1])) == (None, None, {None})
    table = misfit_table(record)
    assert list(table.columns[0].cells) == ["1", "2", "all"]
    assert list(table.columns[1].cells) == ["0.00", "–", "0.00"]


def test_the_command_prints_a_row_for_each_model_and_names_its_files(tiny_velocity_bundle, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "150")
    shots = np.random.default_rng(0).standard_normal((20, 2, 60, 20)).astype(np.float32)
    np.save(tmp_path / "shots.npy", shots)
    words = f"predict {tiny_velocity_bundle} {tmp_path / 'shots.npy'} --explain -o {tmp_path / 'velocity.npy'}"
    done = CliRunner().invoke(app, words.split(), catch_exceptions=False)
    assert done.exit_code == 0
    record = json.loads((tmp_path / "velocity_misfit.json").read_text())
    assert len(record["models"]) == 20
    assert record["window_edges_s"] == [0, 0.012, 0.024, 0.036, 0.048, 0.06]
    assert f"wrote {tmp_path / 'velocity_misfit.png'}" in done.output
    assert list(misfit_table(record).columns[0].cells) == [*map(str, range(11)), "median"]


def test_migrated_images_and_misfit_come_in_one_call(tiny_velocity_bundle, tmp_path):
    np.save(tmp_path / "shots.npy", np.random.default_rng(0).standard_normal((2, 60, 20)).astype(np.float32))
    outputs, also = [tmp_path / "a.npy"], [tmp_path / "a_misfit.json", tmp_path / "a_misfit.png"]
    shots = tmp_path / "shots.npy"
    assert predict(tiny_velocity_bundle, shots, outputs, migrate=True, explain=True) == outputs + also
    image_ZX = np.load(outputs[0])
    predict(tiny_velocity_bundle, shots, outputs, migrate=True)
    assert np.array_equal(np.load(outputs[0]), image_ZX)


def test_a_bundle_of_images_is_refused_before_anything_is_written(tiny_bundle, tmp_path):
    np.save(tmp_path / "shots.npy", np.zeros((2, 60, 20), np.float32))
    with pytest.raises(InputError, match="predicts no velocity"):
        predict(tiny_bundle, tmp_path / "shots.npy", [tmp_path / "image.npy"], explain=True)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["shots.npy"]
