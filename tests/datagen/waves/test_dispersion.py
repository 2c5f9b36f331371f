import numpy as np
import pytest

from datagen.waves.dispersion import Band, from_scheme, scheme_frequency, to_scheme
from datagen.waves.wavelet import ricker

STEP = 0.0012
BAND = Band(52.5, 157.5)


def test_the_scheme_runs_ahead_as_its_discrete_time_derivative_does():
    """A harmonic of the scheme's frequency has −ω′² for second difference: (2/Δt) sin(ωΔt/2) = ω′."""
    true_omega = 2 * np.pi * np.array([5.0, 20.0, 50.0])
    omega = scheme_frequency(true_omega, STEP)
    time_N = np.arange(50)[:, None] * STEP
    series = np.cos(omega * time_N)
    second = (series[2:] - 2 * series[1:-1] + series[:-2]) / STEP**2
    np.testing.assert_allclose(second, -(true_omega**2) * series[1:-1], atol=1e-6 * true_omega.max() ** 2)


def test_an_oscillator_of_the_scheme_becomes_the_true_one():
    """ü + Ω²u = f in steps of a sixth of its period: plain it is wrong, between the matrices it is right."""
    omega, time_T = 2 * np.pi * 33.0, np.arange(700) * 0.001
    steps_N, fine_N = np.arange(620) * 0.005, np.arange(700_000) * 1e-6
    wavelet = ricker(15.0, 1e-6, len(fine_N))
    phase = omega * fine_N
    inside, across = (np.cumsum(wavelet * turn(phase)) * 1e-6 for turn in (np.cos, np.sin))
    exact_T = ((np.sin(phase) * inside - np.cos(phase) * across) / omega)[::1000]

    def oscillator(force_N, step):
        u = np.zeros(len(force_N))
        for n in range(1, len(u) - 1):
            u[n + 1] = 2 * u[n] - u[n - 1] + step**2 * (force_N[n] - omega**2 * u[n])
        return u

    step, band = 0.003, Band(52.5, 95.0)
    steps_N = np.arange(270) * step
    plain = oscillator(ricker(15.0, step, 270), step)
    force_N = (to_scheme(steps_N, steps_N, step, band, "float64") @ ricker(15.0, step, 270)[None, :, None])[0, :, 0]
    moved = from_scheme(time_T, steps_N, step, band, "float64") @ oscillator(force_N, step)[None, :, None]
    scale = np.abs(exact_T[:600]).max()
    assert np.abs(moved[0, :600, 0] - exact_T[:600]).max() < 2e-3 * scale
    assert np.abs(np.interp(time_T, steps_N, plain)[:600] - exact_T[:600]).max() > 0.5 * scale


def test_there_and_back_is_the_same_trace():
    time_T, steps_N = np.arange(1000) * 0.001, np.arange(880) * STEP
    there = to_scheme(steps_N, time_T, STEP, BAND, "float64")
    back = from_scheme(time_T, steps_N[::3], STEP, BAND, "float64")
    for delay in (0, 250, 600):
        trace_T = np.roll(ricker(15.0, 0.001, 1000), delay)
        returned_T = (back @ (there @ trace_T[None, :, None])[:, ::3])[0, :, 0]
        assert np.linalg.norm(returned_T - trace_T) < 2e-4 * np.linalg.norm(trace_T)


def test_the_filter_passes_the_band_and_stops_what_is_above():
    response_F = BAND.response(np.array([0.0, 30.0, 52.5, 105.0, 157.5, 200.0]))
    np.testing.assert_allclose(response_F[:3], 1, atol=2e-4)
    assert response_F[3] == pytest.approx(0.5, abs=0.01)
    np.testing.assert_allclose(response_F[4:], 0, atol=2e-4)


def test_a_shot_gives_the_same_bits_alone_and_in_company():
    matrix = from_scheme(np.arange(500) * 0.001, np.arange(160) * 3 * STEP, STEP, BAND, "float32")
    series_BNR = np.random.default_rng(0).normal(size=(8, 160, 70)).astype(np.float32)
    together_BTR = matrix @ series_BNR
    for slot in (0, 3, 7):
        np.testing.assert_array_equal((matrix @ series_BNR[slot : slot + 1])[0], together_BTR[slot])
