import numpy as np
import pytest
import torch

from search_spaces.fronts.area_means import area_matrix
from search_spaces.fronts.gather import GatherFront


@pytest.fixture
def gather():
    return torch.randn(2, 1, 96, 5, generator=torch.Generator().manual_seed(0))


def test_the_unit_of_a_trace_does_not_matter(gather):
    front = GatherFront(96, 32, "trace")
    volts = gather * torch.tensor([1e-9, 1.0, 1e3, 1e6, 5.0])
    assert torch.allclose(front(volts), front(gather), atol=1e-5)


def test_scaled_by_the_gather_a_weak_trace_stays_weak(gather):
    faded = gather * torch.tensor([1.0, 1.0, 1.0, 1.0, 0.01])
    features = GatherFront(96, 32, "gather")(faded)
    assert features[..., 4].abs().max() < 0.1 * features[..., :4].abs().max()
    assert torch.allclose(features, GatherFront(96, 32, "gather")(1e6 * faded), atol=1e-5)


def test_a_dead_trace_stays_zero_and_disturbs_no_other(gather):
    dead = gather.clone()
    dead[..., 2] = 0
    features, before = (GatherFront(96, 32, "trace")(each) for each in (dead, gather))
    assert features[..., 2].abs().max() == 0
    assert torch.equal(features[..., [0, 1, 3, 4]], before[..., [0, 1, 3, 4]])


@pytest.mark.parametrize(("given", "wanted"), [(96, 32), (96, 96), (96, 200), (100, 33), (17, 16)])
def test_resampling_keeps_constants_and_times(given, wanted):
    matrix = area_matrix(given, wanted).toarray()
    assert np.allclose(matrix.sum(1), 1)
    centre = (np.arange(wanted) + 0.5) * given / wanted - 0.5
    inner = (centre > given / wanted) & (centre < given - 1 - given / wanted)
    assert np.abs(matrix @ np.arange(given) - centre)[inner].max() <= 0.5


def test_nothing_rings_ahead_of_a_break():
    step = (np.arange(96) >= 48).astype(float)
    assert np.abs((area_matrix(96, 32) @ step)[:15]).max() == 0
