import dataclasses

import numpy as np
import pytest

from compressors.contents import read_contents
from compressors.imager import Imager
from datagen.errors import InputError
from datagen.modelling import WaveEngine
from trials.prediction.predict_window import likeness, predict_window


@pytest.fixture
def layered(tmp_path):
    """20 × 30 cells of 10 m, 2000 m/s above 3000 m/s, as raw km/s."""
    model = np.full((20, 30), 2.0, np.float32)
    model[10:] = 3.0
    model.tofile(tmp_path / "layered.bin")
    return tmp_path / "layered.bin"


def test_the_prediction_is_that_of_the_shots_over_the_window(tiny_bundle, layered, tmp_path):
    outputs = [tmp_path / "w.png", tmp_path / "w.npy"]
    written = predict_window(tiny_bundle, layered, outputs, shape="20x30", unit=1000.0, spacing=10.0, at="20,50")
    assert written == outputs
    assert (tmp_path / "w.png").read_bytes()[:4] == b"\x89PNG"
    window = np.full((16, 20), 2000.0)
    window[8:] = 3000.0
    imager = Imager(tiny_bundle)
    shots_MSTR = WaveEngine(imager.contents.data).shoot(window[None])
    expected = imager(shots_MSTR)[0, 0]
    assert np.abs(np.load(tmp_path / "w.npy") - expected).max() < 1e-5 * np.abs(expected).max()


def test_a_window_outside_the_model_is_refused_before_any_modelling(tiny_bundle, layered, tmp_path, monkeypatch):
    monkeypatch.setattr("trials.prediction.predict_window.WaveEngine", None)
    with pytest.raises(InputError, match="leaves the velocity model"):
        predict_window(tiny_bundle, layered, [tmp_path / "w.png"], shape="20x30", unit=1000.0, spacing=10.0, at="100,0")


@pytest.mark.parametrize("target", ["rtm", "velocity"])
def test_likeness_is_one_for_the_same_image_and_less_for_another(tiny_bundle, target):
    contents = dataclasses.replace(read_contents(tiny_bundle), target=target)
    truth = 3000 + 500 * np.random.default_rng(0).standard_normal((16, 20))
    truth = truth if target == "velocity" else (truth - 3000) / 500
    assert likeness(truth, truth, contents) == pytest.approx(1.0)
    assert likeness(truth[::-1], truth, contents) < 0.9
