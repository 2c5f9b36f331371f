import numpy as np
import pytest
from scipy.special import hankel2

from datagen.config import Data, Grid, Split, Survey
from datagen.errors import InputError
from datagen.modelling import WaveEngine
from datagen.stencil import courant_limit
from datagen.survey import receiver_columns, ricker, source_columns


def survey_of(nz, nx, samples, **survey) -> Data:
    settings = {"shots": 5, "receivers": nx, "frequency": 15.0, "interval": 0.001} | survey
    return Data(
        folder="unused",
        grid=Grid(nz=nz, nx=nx, spacing=10.0),
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


def test_a_homogeneous_model_gives_the_analytic_greens_function():
    data = survey_of(32, 120, 1000, shots=1)
    speeds = np.array([1500.0, 2500.0, 4500.0])
    shots_MTR = WaveEngine(data).shoot(np.ones((3, 32, 120)) * speeds[:, None, None])[:, 0]
    offset = np.abs(receiver_columns(data) - source_columns(data)[0]) * 10.0
    far = offset >= 100
    for shots_TR, speed in zip(shots_MTR, speeds, strict=True):
        exact_TR = greens_function(speed, offset[far], 15.0, 0.001, 1000)
        error_R = np.linalg.norm(shots_TR[:, far] - exact_TR, axis=0) / np.linalg.norm(exact_TR, axis=0)
        assert error_R.max() < 0.04


def test_shots_stay_finite_just_below_the_courant_limit_and_are_refused_above():
    interval = 0.99 * courant_limit(8) * 10.0 / 4500
    data = survey_of(40, 48, 3000, interval=interval)
    engine = WaveEngine(data)
    shots_MSTR = engine.shoot(layers(40, 48)[None])
    assert np.abs(shots_MSTR[:, :, 2000:]).max() < 1e-2 * np.abs(shots_MSTR).max()
    with pytest.raises(InputError, match=r"data.survey.interval"):
        engine.shoot(layers(40, 48)[None] * 1.02)


def test_less_than_two_thousandths_come_back_from_the_boundary():
    """Against a grid so large that nothing can come back within the record."""
    pad, small = 128, survey_of(64, 64, 550, shots=1, source_depth=20.0, receiver_depth=20.0)
    velocity_MZX = np.stack([np.full((64, 64), 1500.0), np.full((64, 64), 4500.0), layers(64, 64)])
    wide_MZX = np.pad(velocity_MZX, ((0, 0), (pad, pad), (pad, pad)), mode="edge")
    depth = 20.0 + 10 * pad
    large = survey_of(320, 320, 550, shots=1, source_depth=depth, receiver_depth=depth)
    assert source_columns(large)[0] == source_columns(small)[0] + pad
    shots_MTR = WaveEngine(small).shoot(velocity_MZX)[:, 0]
    reference_MTR = WaveEngine(large).shoot(wide_MZX)[:, 0, :, pad : pad + 64]
    for shots_TR, reference_TR in zip(shots_MTR, reference_MTR, strict=True):
        assert np.linalg.norm(shots_TR - reference_TR) < 0.002 * np.linalg.norm(reference_TR)


def test_a_model_gives_the_same_bits_alone_and_in_company():
    data = survey_of(40, 48, 300, receivers=24)
    velocity_MZX = np.stack([layers(40, 48) * factor for factor in (1.0, 1.05, 1.1)]).astype(np.float32)
    shots_MSTR, image_MZX = WaveEngine(data).shoot_and_migrate(velocity_MZX)
    assert (shots_MSTR.shape, shots_MSTR.dtype) == ((3, 5, 300, 24), np.float32)
    assert (image_MZX.shape, image_MZX.dtype) == ((3, 40, 48), np.float32)
    alone_MSTR, alone_MZX = WaveEngine(data).shoot_and_migrate(velocity_MZX[2:])
    np.testing.assert_array_equal(alone_MSTR, shots_MSTR[2:])
    np.testing.assert_array_equal(alone_MZX, image_MZX[2:])


def test_the_engine_refuses_what_does_not_fit():
    data = survey_of(40, 48, 300)
    with pytest.raises(InputError, match=r"data.survey.receivers"):
        WaveEngine(survey_of(40, 48, 300, receivers=49))
    engine = WaveEngine(data)
    with pytest.raises(InputError, match=r"shots: shape .*expected \(1, 5, 300, 48\)"):
        engine.migrate(layers(40, 48)[None], np.zeros((1, 5, 299, 48), np.float32))
    with pytest.raises(InputError, match="shots: not all"):
        engine.migrate(layers(40, 48)[None], np.full((1, 5, 300, 48), np.nan, np.float32))


def test_an_engine_without_a_compiler_is_an_input_error(monkeypatch):
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(InputError, match="no-such-compiler"):
        WaveEngine(survey_of(40, 48, 300))
