import dataclasses

import numpy as np
import pytest

from datagen.config import Data, Grid, Split, Survey
from datagen.waves.scheme import derive_scheme
from datagen.waves.timing import Clock
from datagen.waves.wavelet import ricker

DATA = Data(
    folder="unused",
    grid=Grid(nz=64, nx=80, spacing=10.0),
    survey=Survey(shots=1, receivers=80, frequency=15.0, interval=0.001, samples=800),
    split=Split(train=1, validation=1, test=1),
)


def clock(**survey):
    data = dataclasses.replace(DATA, survey=dataclasses.replace(DATA.survey, **survey))
    return Clock(data, derive_scheme(data))


def test_without_correction_steps_are_samples():
    plain = clock(dispersion_correction=False)
    assert (plain.step, plain.steps, plain.record_every) == (0.001, 800, 1)
    np.testing.assert_array_equal(plain.wavelet_T[:800], ricker(15.0, 0.001, 800))
    series_BNR = np.random.default_rng(0).normal(size=(2, plain.steps, 3))
    np.testing.assert_array_equal(plain.gather(series_BNR), series_BNR)


def test_with_correction_the_steps_do_not_depend_on_the_interval_and_the_record_is_covered():
    fine, coarse = clock(), clock(interval=0.004, samples=200)
    assert fine.step == coarse.step > 0.001
    for each in (fine, coarse):
        survey = each.data.survey
        assert (each.steps - 1) * each.step >= (survey.samples - 1) * survey.interval
        assert each.steps * each.step < 1.1 * survey.samples * survey.interval


def test_wavefields_are_saved_at_the_nyquist_interval_of_the_image_the_last_included():
    assert clock(dispersion_correction=False).image_every == 11  # 1 / (2 · 2.8 · 15 Hz · 1 ms) = 11.9
    assert clock(frequency=400.0, dispersion_correction=False).image_every == 1
    assert clock(dispersion_correction=False).imaged_steps == 804
    assert clock(dispersion_correction=False, samples=793).imaged_steps == 793
    each = clock()
    assert (each.imaged_steps - 1) % each.image_every == 0
    assert each.steps <= each.imaged_steps < each.steps + each.image_every


def test_traces_are_recorded_well_above_the_nyquist_rate_of_the_wavelet():
    each = clock()
    assert 1 / (each.step * each.record_every) >= 4 * 3.5 * 15.0
    assert 1 / (each.step * (each.record_every + 1)) < 4 * 3.5 * 15.0


def wave_and_slope(interval):
    """A Ricker wavelet of 15 Hz and what it changes by each second, from formulas."""
    time = np.arange(round(0.8 / interval)) * interval - 0.1
    a = (np.pi * 15.0 * time) ** 2
    return ricker(15.0, interval, len(time)), (np.pi * 15.0) ** 2 * time * (4 * a - 6) * np.exp(-a)


@pytest.mark.parametrize("interval", [0.001, 0.004, 0.0085])
def test_the_slope_of_a_trace_is_the_formulas_up_to_the_longest_interval(interval):
    each = clock(interval=interval, samples=round(0.8 / interval))
    trace_T, slope_T = wave_and_slope(interval)
    emitted = each.slope(trace_T[None, :, None].astype(np.float32))
    recorded = each.gather(emitted[:, : each.steps : each.record_every])[0, :, 0]
    assert np.linalg.norm(recorded - slope_T) < 1e-3 * np.linalg.norm(slope_T)


def test_the_slope_for_the_textbook_scheme_is_at_its_steps_and_ends_with_the_record():
    plain = clock(dispersion_correction=False)
    trace_T, slope_T = wave_and_slope(0.001)
    slope_N = plain.slope(trace_T[None, :, None])[0, :, 0]
    assert len(slope_N) == plain.imaged_steps
    assert np.linalg.norm(slope_N[:800] - slope_T) < 1e-3 * np.linalg.norm(slope_T)
    assert np.abs(slope_N[800:]).max() < 1e-3 * np.abs(slope_T).max()
