"""Other wavelets on modelled gathers, and where these visibly begin to move."""

import numpy as np
import pytest

from datagen.waves.wavelet import ricker
from trials.training.picking.wavelets import LEVEL, visible_onset, with_other_wavelet

INTERVAL, FREQUENCY, SAMPLES = 0.00025, 60.0, 768


def modelled(arrivals_R):
    """A gather as the wave equation gives it: the Ricker wavelet, whose t = 0 comes at the arrival."""
    wavelet_T = ricker(FREQUENCY, INTERVAL, SAMPLES)
    return np.stack([np.concatenate([np.zeros(at), wavelet_T])[:SAMPLES] for at in arrivals_R], axis=1).astype("f4")


def draws(count=24):
    return [np.random.default_rng(seed) for seed in range(count)]


@pytest.mark.parametrize("at", [0, 80, 200])
def test_a_ramp_is_seen_at_a_quarter_of_its_height(at):
    ramp_T1 = np.clip((np.arange(SAMPLES)[:, None] - at) / 40, 0, 1)
    assert visible_onset(ramp_T1, np.array([at]), INTERVAL) == pytest.approx([at + 40 * LEVEL])


def test_the_new_wavelet_begins_where_the_wave_arrives():
    arrivals_R = np.array([40, 120, 300])
    for draw in draws():
        gather_TR = with_other_wavelet(modelled(arrivals_R), arrivals_R, FREQUENCY, INTERVAL, draw)
        for trace_T, at in zip(gather_TR.T, arrivals_R, strict=True):
            assert np.abs(trace_T[: at - 24]).max() < 0.05 * np.abs(trace_T).max()


def test_wavelets_rise_fast_and_slowly_and_the_label_follows_the_trace():
    arrivals_R = np.array([100])
    later, swing = [], []
    for draw in draws():
        gather_TR = with_other_wavelet(modelled(arrivals_R), arrivals_R, FREQUENCY, INTERVAL, draw)
        onset = visible_onset(gather_TR, arrivals_R, INTERVAL)[0]
        assert np.abs(gather_TR[: int(onset) - 1]).max() < 1.01 * LEVEL * np.abs(gather_TR).max()
        later.append(INTERVAL * (onset - 100))
        swing.append(INTERVAL * (np.abs(gather_TR[:, 0]).argmax() - onset))
    assert min(later) < 0.001
    assert max(later) > 0.005
    assert max(swing) > 4 * min(swing)


def test_a_trace_that_does_not_move_has_no_onset():
    gather_TR = modelled([100, 100, 100])
    gather_TR[:, 1] = 0
    found_R = visible_onset(gather_TR, np.array([SAMPLES + 5.0, 100.0, np.nan]), INTERVAL)
    assert np.isposinf(found_R).tolist() == [True, True, False]
    assert np.isnan(found_R[2])
