import pytest
import torch
from torch import nn

from compressors.level import measure_sparsity, prunable_weights, prune
from compressors.sensitivity import sensitivities, spared


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(4, 16, 1), nn.Conv2d(16, 16, 3, groups=16), nn.Conv2d(16, 16, 3))


def test_the_layer_that_the_score_hangs_on_is_found():
    net = network()
    before = {name: weight.clone() for name, weight in prunable_weights(net).items()}
    losses = sensitivities(net, 0.5, lambda each: float(each[1].weight.detach().abs().sum()))
    assert next(iter(losses)) == "1"
    assert losses["1"] > 0 == losses["0"] == losses["2"]
    assert all(torch.equal(weight, before[name]) for name, weight in prunable_weights(net).items())


def test_sensitive_layers_stay_whole_and_the_sparsity_of_the_whole_is_reached():
    net = network()
    spare = spared(net, {"1": 0.1, "0": 0.0, "2": 0.2}, 0.8, 0.4)
    assert spare == ["1"]  # layer 2 is larger than what may stay
    prune(net, 0.8, spare=spare)
    assert (net[1].weight != 0).all()
    assert measure_sparsity(net) == pytest.approx(0.8, abs=1e-3)
