import numpy as np
import pytest
from scipy.special import hankel2

from datagen.config import Data, Grid, Split, Survey
from datagen.errors import InputError
from datagen.waves import modelling, scheme
from datagen.waves.modelling import WaveEngine
from datagen.waves.scheme import POINTS_PER_WAVELENGTH, derive_scheme
from datagen.waves.stencil import fitted_weights
from datagen.waves.wavelet import ricker


def small_data(nz, nx, samples, spacing=10.0, **survey) -> Data:
    settings = {"shots": 5, "receivers": nx, "frequency": 15.0, "interval": 0.001} | survey
    return Data(
        folder="unused",
        grid=Grid(nz=nz, nx=nx, spacing=spacing),
        survey=Survey(samples=samples, **settings),
        split=Split(train=1, validation=1, test=1),
    )


def layers(nz, nx):
    """Layers with a block of salt."""
    velocity_ZX = np.repeat(np.linspace(1500, 3500, 6), -(-nz // 6))[:nz, None] * np.ones(nx)
    velocity_ZX[nz // 3 : 2 * nz // 3, nx // 4 : nx // 2] = 4500
    return velocity_ZX


def greens_function(velocity, distances, frequency, interval, samples):
    """2-D response to f(t) δ(x): U(ω) = F(ω) · (−i/4) H₀⁽²⁾(ω r / v) [T, distance]."""
    length = 8 * samples
    spectrum = np.fft.rfft(ricker(frequency, interval, samples), length)
    omega = 2 * np.pi * np.fft.rfftfreq(length, interval)[1:, None]
    response = -0.25j * hankel2(0, omega * distances / velocity)
    return np.fft.irfft(np.vstack([0 * response[:1], spectrum[1:, None] * response]), length, axis=0)[:samples]


SPEEDS = np.array([1500.0, 2500.0, 4500.0])
OFFSETS = tuple(np.linspace(0, 1100, 12))


def errors(speeds, spacing=10.0, **survey):
    """Largest relative error [speed] of the traces of all but the first receiver, most 100 to 1100 m away."""
    settings = {"receivers": 12, "receiver_positions": OFFSETS, "source_positions": (0.0,)} | survey
    width = settings["receiver_positions"][-1] + 100
    data = small_data(round(320 / spacing), round(width / spacing), 1000, shots=1, spacing=spacing, **settings)
    velocity_MZX = np.ones((len(speeds), data.grid.nz, data.grid.nx)) * speeds[:, None, None]
    away = np.array(data.survey.receiver_positions[1:]) - data.survey.source_positions[0]
    drop = data.survey.receiver_depth - data.survey.source_depth
    worst = []
    for shots_TR, speed in zip(WaveEngine(data).shoot(velocity_MZX)[:, 0, :, 1:], speeds, strict=True):
        exact_TR = greens_function(speed, np.hypot(away, drop), data.survey.frequency, 0.001, 1000)
        if data.survey.free_surface:
            image = data.survey.receiver_depth + data.survey.source_depth
            exact_TR -= greens_function(speed, np.hypot(away, image), data.survey.frequency, 0.001, 1000)
        error_R = np.linalg.norm(shots_TR - exact_TR, axis=0) / np.linalg.norm(exact_TR, axis=0)
        worst.append(error_R.max())
    return np.array(worst)


def test_a_homogeneous_model_gives_the_analytic_greens_function():
    assert np.all(errors(SPEEDS, dispersion_correction=False) < 0.04)


def test_with_the_dispersion_correction_it_does_so_ten_times_better():
    slow, *fast = errors(SPEEDS, absorbing_cells=20)
    assert slow < 0.016
    assert max(fast) < 0.0025


@pytest.mark.parametrize("space_order", [4, 6, 8])
def test_the_solution_converges_at_the_order_of_the_scheme(space_order, monkeypatch):
    """From few points a wavelength, so that the grid's error is the largest one, to 1.5 times as many."""
    monkeypatch.setitem(POINTS_PER_WAVELENGTH, 8, 7.5)
    frequency = {4: 9.375, 6: 15.0, 8: 20.0}[space_order]
    settings = {"frequency": frequency, "space_order": space_order, "precision": "float64"}
    settings |= {"receivers": 2, "receiver_positions": (0.0, 600.0), "absorbing_cells": 30}
    coarse, fine = (errors(SPEEDS[:1], spacing, **settings)[0] for spacing in (10.0, 20 / 3))
    assert np.log(coarse / fine) / np.log(1.5) == pytest.approx(space_order, abs=1.0)


def test_between_nodes_the_wave_is_the_analytic_one_too():
    off = tuple(position + 33.3 for position in OFFSETS)
    settings = {"absorbing_cells": 20, "source_depth": 103.0, "receiver_depth": 176.5}
    assert np.all(errors(SPEEDS[1:], source_positions=(51.7,), receiver_positions=off, **settings) < 0.006)


def test_a_free_surface_is_the_source_minus_its_mirror_image():
    settings = {"absorbing_cells": 20, "free_surface": True, "source_depth": 50.0, "receiver_depth": 80.0}
    assert np.all(errors(SPEEDS[1:], **settings) < 0.006)
    assert np.all(errors(SPEEDS[1:], **(settings | {"source_depth": 24.0, "receiver_depth": 83.0})) < 0.01)


def test_the_interval_of_the_record_does_not_change_the_waves():
    velocity_MZX = layers(40, 48)[None]
    fine_TR = WaveEngine(small_data(40, 48, 401, shots=1)).shoot(velocity_MZX)[0, 0]
    coarse_TR = WaveEngine(small_data(40, 48, 101, shots=1, interval=0.004)).shoot(velocity_MZX)[0, 0]
    assert np.linalg.norm(coarse_TR - fine_TR[::4]) < 1e-3 * np.linalg.norm(coarse_TR)


def test_double_precision_is_an_option():
    velocity_MZX = layers(40, 48)[None]
    single = WaveEngine(small_data(40, 48, 300, shots=1)).shoot(velocity_MZX)
    double = WaveEngine(small_data(40, 48, 300, shots=1, precision="float64")).shoot(velocity_MZX)
    assert (single.dtype, double.dtype) == (np.float32, np.float64)
    assert 0 < np.linalg.norm(single - double) < 1e-4 * np.linalg.norm(double)


@pytest.mark.parametrize("free_surface", [False, True])
def test_shots_stay_finite_just_below_the_courant_limit_and_are_refused_above(free_surface):
    data = small_data(40, 48, 3000, free_surface=free_surface)
    velocity_MZX = layers(40, 48)[None] * 0.99 * derive_scheme(data).carried[1] / 4500
    shots_MSTR = WaveEngine(data).shoot(velocity_MZX)
    assert np.abs(shots_MSTR[:, :, 2000:]).max() < 1e-2 * np.abs(shots_MSTR).max()
    with pytest.raises(InputError, match=r"data.salt.velocity"):
        WaveEngine(data).shoot(velocity_MZX * 1.02)


def test_less_than_two_thousandths_come_back_from_the_boundary():
    """Against a grid so large that nothing can come back within the record."""
    pad, small = 128, small_data(64, 64, 550, shots=1, source_depth=20.0, receiver_depth=20.0)
    velocity_MZX = np.stack([np.full((64, 64), 1500.0), np.full((64, 64), 4500.0), layers(64, 64)])
    wide_MZX = np.pad(velocity_MZX, ((0, 0), (pad, pad), (pad, pad)), mode="edge")
    depth = 20.0 + 10 * pad
    columns = tuple(10.0 * (pad + np.arange(64)))
    large = small_data(
        320,
        320,
        550,
        shots=1,
        receivers=64,
        source_positions=(columns[32],),
        receiver_positions=columns,
        source_depth=depth,
        receiver_depth=depth,
    )
    shots_MTR = WaveEngine(small).shoot(velocity_MZX)[:, 0]
    for shots_TR, reference_TR in zip(shots_MTR, WaveEngine(large).shoot(wide_MZX)[:, 0], strict=True):
        assert np.linalg.norm(shots_TR - reference_TR) < 0.002 * np.linalg.norm(reference_TR)


def test_a_model_gives_the_same_bits_alone_and_in_company():
    data = small_data(40, 48, 300, receivers=24)
    velocity_MZX = np.stack([layers(40, 48) * factor for factor in (1.0, 1.02, 1.05)]).astype(np.float32)
    shots_MSTR, image_MZX = WaveEngine(data).shoot_and_migrate(velocity_MZX)
    assert (shots_MSTR.shape, shots_MSTR.dtype) == ((3, 5, 300, 24), np.float32)
    assert (image_MZX.shape, image_MZX.dtype) == ((3, 40, 48), np.float32)
    alone_MSTR, alone_MZX = WaveEngine(data).shoot_and_migrate(velocity_MZX[2:])
    np.testing.assert_array_equal(alone_MSTR, shots_MSTR[2:])
    np.testing.assert_array_equal(alone_MZX, image_MZX[2:])


def test_the_engine_refuses_what_does_not_fit():
    data = small_data(40, 48, 300)
    with pytest.raises(InputError, match=r"data.survey.receivers"):
        WaveEngine(small_data(40, 48, 300, receivers=49))
    engine = WaveEngine(data)
    with pytest.raises(InputError, match=r"shots: shape .*expected \(1, 5, 300, 48\)"):
        engine.migrate(layers(40, 48)[None], np.zeros((1, 5, 299, 48), np.float32))
    with pytest.raises(InputError, match="shots: not all"):
        engine.migrate(layers(40, 48)[None], np.full((1, 5, 300, 48), np.nan, np.float32))


def test_an_engine_without_a_compiler_is_an_input_error(monkeypatch):
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(InputError, match="no-such-compiler"):
        WaveEngine(small_data(40, 48, 300))


def test_the_scheme_of_a_survey_is_derived_once_however_many_models_follow(monkeypatch):
    derived = []

    def derive(data):
        derived.append(data)
        return derive_scheme(data)

    monkeypatch.setattr(modelling, "derive_scheme", derive)
    monkeypatch.setattr(scheme, "fitted_weights", lambda *given: derived.append(given) or fitted_weights(*given))
    data = small_data(40, 48, 60, shots=1)
    engine = WaveEngine(data)
    for _ in range(2):
        engine.shoot(layers(40, 48)[None])
    assert len(derived) == 2  # the scheme, and its weights
    WaveEngine(data, scheme=engine.scheme)
    assert len(derived) == 2
