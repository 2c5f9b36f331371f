"""Surface waves, hum and uneven noise, laid over modelled gathers."""

import numpy as np
import pytest

from trials.training.picking import field_noise
from trials.training.picking.field_noise import with_field_noise

INTERVAL = 0.00025
SAMPLES, RECEIVERS, SOURCE = 768, 32, 5


@pytest.fixture
def silent(monkeypatch):
    """Neither noise nor hum."""
    monkeypatch.setattr(field_noise, "NOISE", (-400.0, -400.0))


def gather(peak=60.0):
    """Ricker wavelets along straight first breaks, and these in samples."""
    picks_R = 60 + 5.0 * np.abs(np.arange(RECEIVERS) - SOURCE)
    after_TR = (np.arange(SAMPLES)[:, None] - picks_R) * INTERVAL - 1.4 / peak
    power_TR = (np.pi * peak * after_TR) ** 2
    return ((1 - 2 * power_TR) * np.exp(-power_TR)).astype(np.float32), picks_R


def draws(count=8):
    return [np.random.default_rng(seed) for seed in range(count)]


def test_nothing_comes_before_the_first_breaks_but_noise(silent):
    gather_TR, picks_R = gather()
    for draw in draws():
        noisy_TR = with_field_noise(gather_TR, picks_R, INTERVAL, draw)
        before_TR = np.where(np.arange(SAMPLES)[:, None] < picks_R - 8, noisy_TR, 0)
        assert np.abs(before_TR).max(0).mean() < 0.1 * np.abs(noisy_TR).max(0).mean()


def test_surface_waves_are_slower_than_the_first_breaks(silent):
    """Far from the source they come later than twice the wavelet's length after it."""
    gather_TR, picks_R = gather()
    later = 0
    for draw in draws():
        noisy_TR = with_field_noise(gather_TR, picks_R, INTERVAL, draw)
        middle_R = (np.arange(SAMPLES)[:, None] * noisy_TR**2).sum(0) / (noisy_TR**2).sum(0)
        later += middle_R[-1] - middle_R[SOURCE] > 1.2 * (picks_R[-1] - picks_R[SOURCE])
    assert later >= 6


def test_traces_differ_in_noise_and_share_the_hum():
    gather_TR, picks_R = gather()
    levels, together = [], []
    for draw in draws(24):
        before_TR = with_field_noise(gather_TR, picks_R, INTERVAL, draw)[:50]
        level_R = before_TR.std(0)
        levels.append(level_R.max() / level_R.min())
        together.append(np.abs(np.corrcoef(before_TR.T)[0, 1:]).mean())
    assert np.median(levels) > 3
    assert max(together) > 0.8
    assert min(together) < 0.5


def test_a_gather_without_first_breaks_gets_noise_alone(silent):
    gather_TR, _ = gather()
    for unknown in (np.nan, np.inf):
        noisy_TR = with_field_noise(gather_TR, np.full(RECEIVERS, unknown), INTERVAL, draws()[0])
        assert noisy_TR == pytest.approx(gather_TR, abs=1e-6)


def test_a_silent_gather_stays_silent():
    noisy_TR = with_field_noise(np.zeros((SAMPLES, 4), np.float32), np.arange(4.0), INTERVAL, draws()[0])
    assert not noisy_TR.any()
