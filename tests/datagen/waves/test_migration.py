import dataclasses

import numpy as np
import pytest

from datagen.config import Data, Grid, Split, Survey
from datagen.waves.migration import (
    compensate,
    depth_taper,
    remove_low_wavenumbers,
    smooth_velocity,
)
from datagen.waves.modelling import WaveEngine
from datagen.waves.positions import asymmetry

DATA = Data(
    folder="unused",
    grid=Grid(nz=64, nx=80, spacing=10.0),
    survey=Survey(shots=9, receivers=80, frequency=15.0, interval=0.001, samples=800),
    split=Split(train=1, validation=1, test=1),
)
REFLECTORS = (25, 35, 45)  # first row below the interface
Z, X = np.mgrid[:64, :80]


@pytest.fixture(scope="module")
def engine():
    return WaveEngine(DATA)


@pytest.fixture(scope="module")
def flat_images(engine):
    """Images of one interface each: velocity rising at three depths, falling at the second."""
    rising = [np.where(row <= Z, 2600.0, 2000.0) for row in REFLECTORS]
    return engine.shoot_and_migrate(np.stack([*rising, np.where(REFLECTORS[1] <= Z, 1600.0, 2000.0)]))[1]


def test_a_flat_reflector_is_imaged_at_its_depth(flat_images):
    for image_ZX, row in zip(flat_images, REFLECTORS, strict=False):
        trace_Z = image_ZX[:, 25:55].mean(axis=1)
        assert abs(int(np.abs(trace_Z).argmax()) - row) <= 1


def test_a_rise_of_velocity_is_a_positive_peak_and_a_fall_a_negative_one(flat_images):
    rise_Z, fall_Z = (flat_images[k][:, 25:55].mean(axis=1) for k in (1, 3))
    assert rise_Z[np.abs(rise_Z).argmax()] > 0
    assert fall_Z[np.abs(fall_Z).argmax()] < 0


def test_the_image_shows_nothing_where_nothing_reflects(engine):
    image_ZX = engine.shoot_and_migrate(np.full((1, 64, 80), 2000.0))[1][0]
    reflector_ZX = engine.shoot_and_migrate(np.where(REFLECTORS[1] <= Z, 2600.0, 2000.0)[None])[1][0]
    assert np.abs(image_ZX).max() < 1e-4 * np.abs(reflector_ZX).max()


@pytest.mark.parametrize("dip", [-15.0, 10.0])
def test_a_dipping_reflector_is_imaged_at_its_dip(engine, dip):
    depth_X = 32 + (np.arange(80) - 39.5) * np.tan(np.radians(dip))
    image_ZX = engine.shoot_and_migrate(np.where(depth_X <= Z, 2600.0, 2000.0)[None])[1][0]
    columns = np.arange(22, 58)
    slope, middle = np.polyfit(columns - 39.5, image_ZX[15:, columns].argmax(axis=0) + 15, 1)
    assert np.degrees(np.arctan(slope)) == pytest.approx(dip, abs=2.0)
    assert middle == pytest.approx(32, abs=1.5)


def test_rare_snapshots_give_the_image_of_all_time_steps(engine):
    velocity_MZX = np.where(((Z - 35) ** 2 + (X - 40) ** 2 < 150), 4500.0, 1500.0 + 20 * Z)[None]
    shots_MSTR, image_MZX = engine.shoot_and_migrate(velocity_MZX)
    patient = WaveEngine(DATA)
    patient.clock.image_every = 1
    every_step_MZX = patient.migrate(velocity_MZX, shots_MSTR)
    assert np.linalg.norm(image_MZX - every_step_MZX) < 1e-3 * np.linalg.norm(every_step_MZX)


def test_the_image_is_the_same_from_long_corrected_steps_and_from_short_plain_ones(engine):
    velocity_MZX = np.where(((Z - 35) ** 2 + (X - 40) ** 2 < 150), 4500.0, 1500.0 + 20 * Z)[None]
    fine = dataclasses.replace(DATA.survey, interval=0.00025, samples=3200, dispersion_correction=False)
    image_MZX = engine.shoot_and_migrate(velocity_MZX)[1]
    fine_MZX = WaveEngine(dataclasses.replace(DATA, survey=fine)).shoot_and_migrate(velocity_MZX)[1]
    assert np.linalg.norm(image_MZX - fine_MZX) < 0.01 * np.linalg.norm(fine_MZX)


@pytest.mark.parametrize("interval", [0.004, 0.008])
def test_the_image_does_not_depend_on_the_sampling_of_the_record(engine, interval):
    velocity_MZX = np.where(REFLECTORS[1] <= Z, 2600.0, 2000.0)[None]
    coarse = dataclasses.replace(DATA.survey, interval=interval, samples=round(0.8 / interval))
    image_MZX = engine.shoot_and_migrate(velocity_MZX)[1]
    coarse_MZX = WaveEngine(dataclasses.replace(DATA, survey=coarse)).shoot_and_migrate(velocity_MZX)[1]
    assert np.linalg.norm(coarse_MZX - image_MZX) < 2e-3 * np.linalg.norm(image_MZX)


def test_a_reflector_is_imaged_at_its_depth_under_a_free_surface_too():
    survey = dataclasses.replace(DATA.survey, free_surface=True)
    velocity_MZX = np.where(REFLECTORS[1] <= Z, 2600.0, 2000.0)[None]
    image_ZX = WaveEngine(dataclasses.replace(DATA, survey=survey)).shoot_and_migrate(velocity_MZX)[1][0]
    trace_Z = image_ZX[:, 25:55].mean(axis=1)
    assert abs(int(np.abs(trace_Z).argmax()) - REFLECTORS[1]) <= 1


def test_smoothing_keeps_a_constant_velocity_and_the_vertical_travel_time():
    np.testing.assert_allclose(smooth_velocity(np.full((2, 20, 30), 1800.0), 5.0), 1800.0)
    velocity_ZX = np.full((200, 8), 1500.0)
    velocity_ZX[80:120] = 4500
    smooth_ZX = smooth_velocity(velocity_ZX[None], 5.0)[0]
    np.testing.assert_allclose((1 / smooth_ZX).sum(axis=0), (1 / velocity_ZX).sum(axis=0))
    assert np.abs(np.diff(smooth_ZX, axis=0)).max() < 300


def test_compensation_undoes_uneven_illumination():
    light_MZX = np.linspace(1, 10, 50).reshape(1, 5, 10)
    np.testing.assert_allclose(compensate(3 * light_MZX, light_MZX), 3, rtol=0.02)


def test_the_laplacian_filter_removes_a_trend_and_keeps_a_ripples_sign():
    assert np.abs(remove_low_wavenumbers((X + 2.0 * Z)[None], 10.0)[0, 1:-1, 1:-1]).max() < 1e-12
    ripple_MZX = np.cos(2 * np.pi * Z / 8)[None]
    filtered_MZX = remove_low_wavenumbers(ripple_MZX, 10.0)
    wavenumber = 2 * np.pi / 80
    np.testing.assert_allclose(filtered_MZX[0, 8], wavenumber**2, rtol=0.06)


def test_the_taper_is_zero_at_the_surface_and_one_below_its_depth():
    taper_Z = depth_taper(20, 8.0)
    assert taper_Z[0] == 0
    assert np.all(np.diff(taper_Z[:9]) > 0)
    assert np.all(taper_Z[8:] == 1)
    assert np.all(depth_taper(20, 0.0) == 1)


def test_mirrored_ground_gives_the_mirrored_record_and_image(engine):
    """What mirror augmentation stands on: shots, receivers and image change their order together."""
    velocity_ZX = np.where(20 + X // 4 <= Z, 2600.0, 2000.0)
    velocity_ZX[30:40, 10:25] = 4500.0
    assert asymmetry(DATA) <= 1
    shots_MSTR, image_MZX = engine.shoot_and_migrate(np.stack([velocity_ZX, velocity_ZX[:, ::-1]]))
    np.testing.assert_allclose(shots_MSTR[1, 0, :, ::-1], shots_MSTR[0, -1], atol=1e-3 * np.abs(shots_MSTR).max())
    correlation = np.corrcoef(image_MZX[0].ravel(), image_MZX[1, :, ::-1].ravel())[0, 1]
    assert correlation > 0.99
