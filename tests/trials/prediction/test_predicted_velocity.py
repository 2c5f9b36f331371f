import dataclasses

import numpy as np
import pytest
import segyio
from pydantic import TypeAdapter

from compressors.bundles.contents import read_contents
from compressors.graphs.runner import Imager
from datagen.config import Data
from datagen.dataset import ShardDataset
from datagen.errors import InputError
from datagen.shards.manifest import load_manifest
from tests.trials.prediction.oracle import Oracle
from trials.prediction.predict import predict
from trials.prediction.predicted_velocity import Migrated, PredictedVelocity, open_engine, velocity_channel


@pytest.fixture
def oracle(tiny_data, tiny_velocity_bundle):
    """Shots, true velocities and labels of test models, and what predicts these velocities."""
    manifest = load_manifest(tiny_data["folder"])
    contents = dataclasses.replace(read_contents(tiny_velocity_bundle), data=manifest.data)
    kinds = [ShardDataset(tiny_data["folder"], "test", target) for target in ("velocity", "rtm")]
    shots_BSTR = np.stack([kinds[0][index][0].numpy() for index in range(4)])
    velocity_B1ZX = kinds[0].targets[0].denormalise(np.stack([kinds[0][index][1].numpy() for index in range(4)]))
    label_B1ZX = np.stack([kinds[1][index][1].numpy() for index in range(4)])
    return shots_BSTR, label_B1ZX, kinds[1].targets[0], Oracle(contents, velocity_B1ZX)


def test_in_the_true_velocity_the_image_is_the_label(oracle):
    shots_BSTR, label_B1ZX, target, imager = oracle
    migrated = Migrated(PredictedVelocity("true", imager))
    found_B1ZX = target.label(migrated(shots_BSTR))
    assert np.abs(found_B1ZX - label_B1ZX).max() < 1e-3
    assert migrated.contents.target == "rtm"


def test_in_a_velocity_three_per_cent_off_it_is_another(oracle):
    shots_BSTR, label_B1ZX, target, imager = oracle
    imager.velocity_B1ZX = 1.03 * imager.velocity_B1ZX
    found_B1ZX = target.label(Migrated(PredictedVelocity("wrong", imager))(shots_BSTR))
    assert np.corrcoef(found_B1ZX.ravel(), label_B1ZX.ravel())[0, 1] < 0.98


def test_velocities_are_limited_to_what_the_grid_carries(oracle):
    shots_BSTR, _, _, imager = oracle
    velocity = PredictedVelocity("wild", imager)
    imager.velocity_B1ZX = np.full_like(imager.velocity_B1ZX, -100.0)
    imager.velocity_B1ZX[:, :, 5:] = 9000.0
    limited_BZX = np.clip(imager.velocity_B1ZX[:, 0], *velocity.engine.scheme.carried)
    assert np.array_equal(Migrated(velocity)(shots_BSTR)[:, 0], velocity.engine.migrate(limited_BZX, shots_BSTR))
    assert np.array_equal(velocity.shoot(velocity(shots_BSTR)), velocity.engine.shoot(limited_BZX))


def test_the_command_writes_what_the_engine_migrates(tiny_velocity_bundle, tmp_path):
    imager = Imager(tiny_velocity_bundle)
    data = imager.contents.data
    engine = open_engine(data)
    model_ZX = np.full((16, 20), 2000.0)
    model_ZX[8:] = 3000.0
    shots_MSTR = engine.shoot(model_ZX[None])
    np.save(tmp_path / "shots.npy", shots_MSTR[0])
    outputs = [tmp_path / name for name in ("image.npy", "image.sgy", "image.png")]
    assert predict(tiny_velocity_bundle, tmp_path / "shots.npy", outputs, migrate=True) == outputs
    velocity_BZX = np.clip(imager(shots_MSTR)[:, 0], *engine.scheme.carried)
    assert np.array_equal(np.load(outputs[0]), engine.migrate(velocity_BZX, shots_MSTR)[0])
    with segyio.open(outputs[1], strict=False) as segy:
        assert b"RTM IN THE VELOCITY OF A NEURAL NETWORK" in bytes(segy.text[0])
        assert b"ARBITRARY UNITS" in bytes(segy.text[0])


def test_a_bundle_of_images_is_refused_with_what_to_train(tiny_bundle, tmp_path):
    np.save(tmp_path / "shots.npy", np.zeros((2, 60, 20), np.float32))
    with pytest.raises(InputError, match=r"its target is rtm, it predicts no velocity; .* whose target is velocity"):
        predict(tiny_bundle, tmp_path / "shots.npy", [tmp_path / "image.npy"], migrate=True)
    assert not (tmp_path / "image.npy").exists()


def test_the_velocity_is_found_by_its_name(tiny_velocity_bundle, tiny_bundle):
    assert velocity_channel(read_contents(tiny_velocity_bundle)) == 0
    assert velocity_channel(read_contents(tiny_bundle)) is None


def test_without_a_compiler_the_message_says_what_to_install(tiny_velocity_bundle, monkeypatch):
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(InputError, match=r"'no-such-compiler' was not found.*install gcc"):
        open_engine(read_contents(tiny_velocity_bundle).data)


def test_the_picture_of_a_geology_in_its_style_is_not_needed(tiny_data):
    settings = tiny_data | {"geology": {"family": "style", "style_image": "nowhere.png"}}
    open_engine(TypeAdapter(Data).validate_python(settings))
