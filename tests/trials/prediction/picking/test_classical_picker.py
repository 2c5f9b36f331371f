import numpy as np

from trials.prediction.picking.classical_picker import Classical, fitted, least_aic


def gather(onsets, samples=400):
    rng = np.random.default_rng(0)
    after = np.arange(samples)[:, None] - np.asarray(onsets)
    swing = np.where(after >= 0, np.sin(0.3 * after) * np.exp(-0.01 * np.clip(after, 0, None)), 0)
    return swing + 0.02 * rng.standard_normal(swing.shape)


def test_onsets_in_weak_noise_are_found_within_two_samples():
    onsets = np.arange(100, 300, 20)
    picks = Classical(sta=0.002, lta=0.02, threshold=4.0, window=0.01).samples(gather(onsets), 0.00025)
    assert np.abs(picks - onsets).max() <= 2


def test_aic_parts_a_trace_where_its_variance_changes():
    trace = np.concatenate([0.1, 1.0] * np.random.default_rng(1).standard_normal((50, 2)), axis=None)
    trace = np.concatenate([trace[::2], trace[1::2]])
    assert abs(least_aic(trace, 60, 60) - 50) <= 2


def test_a_dead_trace_has_no_pick():
    dead = gather([100, 150])
    dead[:, 0] = 0
    picks = Classical(sta=0.002, lta=0.02, threshold=4.0, window=0.01).samples(dead, 0.00025)
    assert np.isnan(picks).tolist() == [True, False]


def test_the_settings_taken_have_the_least_error_of_the_grid():
    onsets = np.arange(100.0, 300, 40)
    best = fitted([gather(onsets)], [onsets], 0.00025)
    worse = Classical(sta=0.004, lta=0.005, threshold=np.inf, window=0.0)
    errors = [np.abs(each.samples(gather(onsets), 0.00025) - onsets).mean() for each in (best, worse)]
    assert errors[0] <= errors[1]
    assert errors[0] <= 2
