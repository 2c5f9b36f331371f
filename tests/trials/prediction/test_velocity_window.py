import logging

import numpy as np
import pytest

from datagen.config import Data, Grid, Split, Survey
from datagen.errors import InputError
from datagen.waves.scheme import derive_scheme
from trials.prediction.velocity_window import cut_window, read_velocity, spanning, within_limits

GRID = Grid(nz=16, nx=20, spacing=10.0)
DATA = Data(
    folder="",
    grid=GRID,
    survey=Survey(shots=2, receivers=20, frequency=15.0, interval=0.001, samples=60),
    split=Split(train=8, validation=4, test=4),
)


def ramp(nz: int, nx: int, spacing: float) -> np.ndarray:
    """2000 m/s, and 1 m/s more a metre of depth, 2 m/s more a metre of distance."""
    depth, distance = np.mgrid[:nz, :nx] * spacing
    return 2000.0 + depth + 2 * distance


@pytest.mark.parametrize("spacing", [10.0, 12.5, 30.0])
def test_a_window_holds_the_velocities_of_its_place(spacing):
    window = cut_window(ramp(60, 60, spacing), spacing, "105,42.5", GRID)
    assert window.shape == (16, 20)
    assert np.allclose(window, 2000 + 105 + 2 * 42.5 + (ramp(16, 20, 10.0) - 2000))


def test_a_finer_model_is_smoothed_so_that_travel_times_stay():
    fine = np.where(np.arange(400) % 8 < 4, 2000.0, 4000.0)[:, None] * np.ones((1, 400))
    window = cut_window(fine, 1.0, "50,50", GRID)
    assert np.abs(1 / window - (1 / 2000 + 1 / 4000) / 2).max() < 2e-6


def test_the_model_may_end_where_the_window_ends():
    assert cut_window(ramp(16, 20, 10.0), 10.0, "0,0", GRID).shape == (16, 20)


@pytest.mark.parametrize("at", ["20,0", "0,20", "-10,0", "0,1e9"])
def test_a_window_that_leaves_the_model_is_refused(at):
    with pytest.raises(InputError, match=r"leaves the velocity model, which goes from 0,0 to 160,200 m"):
        cut_window(ramp(17, 21, 10.0), 10.0, at, GRID)


@pytest.mark.parametrize("at", ["20", "a,b", "1,2,3", ""])
def test_a_corner_that_is_no_pair_of_numbers_is_refused(at):
    with pytest.raises(InputError, match="depth,distance in metres"):
        cut_window(ramp(17, 21, 10.0), 10.0, at, GRID)


@pytest.mark.parametrize("spacing", [None, 0.0, -5.0])
def test_the_spacing_of_the_model_must_be_given(spacing):
    with pytest.raises(InputError, match="spacing"):
        cut_window(ramp(17, 21, 10.0), spacing, "0,0", GRID)


def test_raw_floats_in_km_per_second_are_read(tmp_path):
    model = ramp(5, 7, 10.0)
    (model / 1000).astype(np.float32).tofile(tmp_path / "v.bin")
    (section,) = read_velocity(tmp_path / "v.bin", "5x7", 1000.0)
    assert np.allclose(section, model)


def test_an_npy_is_read(tmp_path):
    np.save(tmp_path / "v.npy", ramp(5, 7, 10.0))
    (section,) = read_velocity(tmp_path / "v.npy", None, 1.0)
    assert np.array_equal(section, ramp(5, 7, 10.0))


def test_a_cube_is_read_section_by_section_whatever_the_order_of_its_axes(tmp_path):
    cube_ZYX = 2000 + np.arange(5 * 3 * 7, dtype=np.float32).reshape(5, 3, 7)
    cube_ZYX.transpose(2, 1, 0).tofile(tmp_path / "cube.bin")
    sections = list(read_velocity(tmp_path / "cube.bin", "7x3x5", 1.0, "xyz"))
    assert np.array_equal(sections, cube_ZYX.swapaxes(0, 1))


def test_axes_that_are_none_and_a_stack_of_models_are_refused(tmp_path):
    np.save(tmp_path / "v.npy", np.full((3, 5, 7), 2000.0))
    with pytest.raises(InputError, match=r"holds 3 models; allowed: one model .* --axes"):
        read_velocity(tmp_path / "v.npy", None, 1.0)
    with pytest.raises(InputError, match="axes: got 'zz'; allowed"):
        read_velocity(tmp_path / "v.npy", None, 1.0, "zz")


def test_km_per_second_are_recognised(tmp_path):
    np.save(tmp_path / "v.npy", ramp(5, 7, 10.0) / 1000)
    with pytest.raises(InputError, match="unit 1000"):
        read_velocity(tmp_path / "v.npy", None, 1.0)


@pytest.mark.parametrize(("shape", "problem"), [("5x8", "cannot be read"), ("5", "ZxX"), ("axb", "ZxX")])
def test_a_shape_that_does_not_fit_the_file_is_refused(tmp_path, shape, problem):
    ramp(5, 7, 10.0).astype(np.float32).tofile(tmp_path / "v.bin")
    with pytest.raises(InputError, match=problem):
        read_velocity(tmp_path / "v.bin", shape, 1.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -2000.0, 0.0])
def test_values_that_are_no_velocities_are_refused(tmp_path, bad):
    model = ramp(5, 7, 10.0)
    model[2, 3] = bad
    np.save(tmp_path / "v.npy", model)
    with pytest.raises(
        InputError, match=r"nan|inf|-2000|0\.0.* at cell n 0, z 2, x 3; every value must be finite and above 0"
    ):
        read_velocity(tmp_path / "v.npy", None, 1.0)


def test_velocities_the_survey_can_carry_are_left_as_they_are():
    window = np.linspace(1500, 5500, 320).reshape(16, 20)
    assert np.array_equal(within_limits(window, derive_scheme(spanning(DATA, window)).carried), window)


def test_velocities_a_little_outside_are_brought_inside_with_a_word(caplog):
    with caplog.at_level(logging.WARNING):
        window = within_limits(np.full((16, 20), 1480.0), derive_scheme(DATA).carried)
    assert np.allclose(window, 1500.0)
    assert "1480" in caplog.text


@pytest.mark.parametrize("velocity", [1000.0, 6500.0])
def test_velocities_far_outside_are_refused(velocity):
    with pytest.raises(InputError, match=r"can model 1500 to 47\d\d m/s"):
        within_limits(np.full((16, 20), velocity), derive_scheme(DATA).carried)
