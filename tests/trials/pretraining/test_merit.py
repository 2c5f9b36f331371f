"""The figure of merit: zero on the same, large on noise, and it sees a collapse and a copy."""

import pytest
import torch

from trials.pretraining.merit import merit, sliced_wasserstein


def gathers(count=40, seed=0):
    """Wavelets on straight moveouts of random slope, intercept and frequency."""
    draws = torch.Generator().manual_seed(seed)
    start, slope, frequency = (torch.rand(count, 1, 1, 1, generator=draws) for _ in range(3))
    z, x = torch.arange(48.0).view(1, 1, -1, 1), torch.arange(24.0).view(1, 1, 1, -1)
    phase = (0.15 + 0.2 * frequency) * (z - 10 - 20 * start - slope * x)
    return 2 * (1 - phase**2) * torch.exp(-(phase**2) / 2)


def noise(count=40):
    return gathers().std() * torch.randn(count, 1, 48, 24, generator=torch.Generator().manual_seed(5))


def test_the_distance_of_the_same_samples_is_zero_in_any_order():
    assert sliced_wasserstein(gathers(), gathers().flip(0)) == pytest.approx(0, abs=1e-6)


def test_noise_is_farther_than_other_gathers_of_the_same_kind_in_every_respect():
    same, far = merit(gathers(seed=1), gathers()), merit(noise(), gathers())
    assert far.distance > 3 * same.distance
    assert far.spectrum_db > 3 * same.spectrum_db
    assert far.coherence > 3 * same.coherence
    assert same.diversity == pytest.approx(1, abs=0.15)


def test_samples_that_are_all_nearly_alike_are_a_collapse():
    one = gathers()[:1].expand(40, -1, -1, -1)
    assert merit(one + 0.05 * noise(), gathers()).collapsed
    assert not merit(gathers(seed=1), gathers()).collapsed


def test_copies_of_the_data_are_told_from_new_samples():
    assert merit(gathers().flip(0) + 0.01 * noise(), gathers()).nearest < 0.2
    assert merit(gathers(seed=1), gathers()).nearest > 0.5
