"""Gathers at a common scale: strong and weak traces alike, dead and broken ones told apart."""

import numpy as np
import pytest

from datagen.gather_scaling import LIMIT, scale_gathers


def gathers(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((3, 64, 8)).astype(np.float32)


def test_a_weak_trace_comes_out_like_a_strong_one() -> None:
    weak = gathers()
    weak[:, :, 2] *= 1e-6
    strong_STR = scale_gathers(gathers(), "trace").gathers_STR
    np.testing.assert_allclose(scale_gathers(weak, "trace").gathers_STR, strong_STR, atol=1e-5)


def test_scaled_by_gather_the_ratio_of_its_traces_stays() -> None:
    given = 0.01 * gathers()
    given[:, :, 2] *= 0.5
    scaled = scale_gathers(1e5 * given, "gather").gathers_STR
    ratio = scaled[:, :, 2].std(1) / scaled[:, :, 3].std(1)
    np.testing.assert_allclose(ratio, given[:, :, 2].std(1) / given[:, :, 3].std(1), rtol=0.05)


@pytest.mark.parametrize("scaling", ["trace", "gather"])
def test_dead_and_broken_traces_become_zero_and_are_told_apart(scaling: str) -> None:
    given = gathers()
    given[0, :, 1], given[1, :, 2], given[2, 5, 3], given[2, 6, 4] = 0.0, 7.0, np.nan, np.inf
    scaled = scale_gathers(given, scaling)
    assert np.argwhere(scaled.dead_SR).tolist() == [[0, 1], [1, 2]]
    assert np.argwhere(scaled.broken_SR).tolist() == [[2, 3], [2, 4]]
    silent = scaled.dead_SR | scaled.broken_SR
    assert not scaled.gathers_STR.transpose(0, 2, 1)[silent].any()
    live = scaled.gathers_STR.transpose(0, 2, 1)[~silent]
    assert np.abs(live).max() <= LIMIT
    assert 0.8 < live.std() < 1.05


def test_gathers_of_nothing_stay_nothing() -> None:
    scaled = scale_gathers(np.zeros((1, 16, 4), np.float32), "gather")
    assert scaled.dead_SR.all()
    assert not scaled.gathers_STR.any()
