import numpy as np
import pytest
import segyio
from segyio import TraceField
from typer.testing import CliRunner

from compressors.bundles.contents import read_contents
from compressors.graphs.runner import Imager
from datagen.errors import InputError
from datagen.targets import make_target
from datagen.waves.modelling import WaveEngine
from trials.commands.app import app
from trials.prediction.model_window import likeness, model_window


@pytest.fixture
def layered(tmp_path):
    """20 × 30 cells of 10 m, 2000 m/s above 3000 m/s, as raw km/s."""
    model = np.full((20, 30), 2.0, np.float32)
    model[10:] = 3.0
    model.tofile(tmp_path / "layered.bin")
    return tmp_path / "layered.bin"


def test_the_prediction_is_that_of_the_shots_over_the_window(tiny_bundle, layered, tmp_path):
    outputs = [tmp_path / "w.png", tmp_path / "w.npy"]
    written = model_window(tiny_bundle, layered, outputs, shape="20x30", unit=1000.0, spacing=10.0, at="20,50")
    assert written == outputs
    assert (tmp_path / "w.png").read_bytes()[:4] == b"\x89PNG"
    window = np.full((16, 20), 2000.0)
    window[8:] = 3000.0
    imager = Imager(tiny_bundle)
    shots_MSTR = WaveEngine(imager.contents.data).shoot(window[None])
    expected = imager(shots_MSTR)[0, 0]
    assert np.abs(np.load(tmp_path / "w.npy") - expected).max() < 1e-5 * np.abs(expected).max()


def test_the_command_models_what_its_options_describe(tiny_bundle, layered, tmp_path):
    here, there = tmp_path / "here.npy", tmp_path / "there.npy"
    model_window(tiny_bundle, layered, [here], shape="20x30", unit=1000.0, spacing=10.0, at="20,50")
    words = f"model {tiny_bundle} {layered} --shape 20x30 --unit 1000 --spacing 10 --at 20,50 -o {there}"
    done = CliRunner().invoke(app, words.split(), catch_exceptions=False)
    assert done.exit_code == 0
    assert np.array_equal(np.load(here), np.load(there))


def test_a_cube_of_velocities_becomes_a_cube_of_images(tiny_bundle, tmp_path):
    """Each section as if it were alone; SEG-Y tells where it lay."""
    cube_ZYX = np.full((20, 3, 30), 2000.0, np.float32)
    for line, interface in enumerate((8, 12, 15)):
        cube_ZYX[interface:, line] = 3000.0
    np.save(tmp_path / "cube.npy", cube_ZYX)
    outputs = [tmp_path / "images.npy", tmp_path / "images.sgy", tmp_path / "images.png"]
    where = {"spacing": 10.0, "at": "20,50"}
    assert model_window(tiny_bundle, tmp_path / "cube.npy", outputs, axes="zyx", **where) == outputs
    images_YZX = np.load(outputs[0])
    assert images_YZX.shape == (3, 16, 20)
    for line in range(3):
        np.save(tmp_path / "section.npy", cube_ZYX[:, line])
        model_window(tiny_bundle, tmp_path / "section.npy", [tmp_path / "image.npy"], **where)
        alone_ZX = np.load(tmp_path / "image.npy")
        assert np.abs(images_YZX[line] - alone_ZX).max() < 1e-4 * np.abs(alone_ZX).max()
    with segyio.open(outputs[1]) as segy:
        assert np.array_equal(segyio.tools.cube(segy), images_YZX.swapaxes(1, 2))
        assert segy.header[25][TraceField.CDP_X] == 100 * (50 + 5 * 10)
        assert segy.header[25][TraceField.CDP_Y] == 100 * 10
    assert outputs[2].read_bytes()[:4] == b"\x89PNG"


def test_a_window_outside_the_model_is_refused_before_any_modelling(tiny_bundle, layered, tmp_path, monkeypatch):
    monkeypatch.setattr("trials.prediction.model_window.WaveEngine", None)
    with pytest.raises(InputError, match="leaves the velocity model"):
        model_window(tiny_bundle, layered, [tmp_path / "w.png"], shape="20x30", unit=1000.0, spacing=10.0, at="100,0")


@pytest.mark.parametrize("name", ["rtm", "velocity"])
def test_likeness_is_one_for_the_same_image_and_less_for_another(tiny_bundle, name):
    target = make_target(name, read_contents(tiny_bundle).statistics)
    truth = 3000 + 500 * np.random.default_rng(0).standard_normal((16, 20))
    truth = truth if name == "velocity" else (truth - 3000) / 500
    same, other = likeness(truth, truth, target), likeness(truth[::-1], truth, target)
    assert (same.ssim, same.correlation) == pytest.approx((1.0, 1.0))
    assert other.ssim < 0.9
    assert other.correlation < 0.5


def test_a_blank_image_scores_what_likeness_says_of_blank_ones(tiny_bundle):
    (target,) = read_contents(tiny_bundle).scaled
    truth = np.random.default_rng(0).standard_normal((16, 20))
    blank = likeness(np.zeros_like(truth), truth, target)
    assert blank.ssim == blank.blank == likeness(truth, truth, target).blank
    assert blank.correlation == 0


def test_a_velocity_is_shown_with_the_rtm_image_in_it(tiny_velocity_bundle, layered, tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr("trials.prediction.model_window.draw_sections", lambda panels, *_: shown.extend(panels))
    where = {"shape": "20x30", "unit": 1000.0, "spacing": 10.0, "at": "20,50"}
    model_window(tiny_velocity_bundle, layered, [tmp_path / "w.png"], **where)
    titles = [panel.title.partition("\n") for panel in shown]
    assert [title for title, _, _ in titles] == [
        "velocity",
        "RTM image",
        "predicted velocity",
        "RTM in the velocity predicted",
    ]
    assert all("blank" in score and "correlation" in score for _, _, score in titles[2:])
    assert shown[1].range == shown[3].range
