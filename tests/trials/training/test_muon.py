"""Muon: singular values near 1, whatever the gradient's; every other weight as in AdamW."""

import pytest
import torch
from torch import nn

from trials.training.muon import SCALE, Muon, is_matrix, orthogonal


@pytest.fixture(autouse=True)
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """On CPUs with bfloat16, too."""
    monkeypatch.setattr("trials.training.muon.fast_in_bfloat16", lambda device: False)


def test_bfloat16_is_precise_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trials.training.muon.fast_in_bfloat16", lambda device: True)
    torch.manual_seed(1)
    found = orthogonal(torch.randn(24, 216))
    assert found.dtype == torch.float32
    singular = torch.linalg.svdvals(found)
    assert 0.6 < float(singular.min()) < float(singular.max()) < 1.25


@pytest.mark.parametrize("shape", [(8, 8), (4, 36), (36, 4)])
def test_singular_values_come_near_to_one_and_directions_stay(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    matrix = torch.randn(shape)
    found = orthogonal(matrix)
    assert ((torch.linalg.svdvals(found) - 1).abs() < 0.4).all()
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    rotated = left.T @ found @ right.T  # diagonal: the same singular vectors
    torch.testing.assert_close(rotated, torch.diag(rotated.diag()), atol=1e-4, rtol=0)


def network() -> nn.Sequential:
    torch.manual_seed(0)
    parts = {"mix": nn.Conv2d(3, 6, 3), "depthwise": nn.Conv2d(6, 6, 3, groups=6), "head": nn.Conv2d(6, 2, 1)}
    whole = nn.Sequential()
    for name, part in parts.items():
        whole.add_module(name, part)
    return whole


def test_only_weights_that_mix_channels_are_matrices() -> None:
    assert [name for name, weight in network().named_parameters() if is_matrix(name, weight)] == ["mix.weight"]


def test_a_step_has_the_same_length_whatever_the_gradient() -> None:
    steps = []
    for size in (1e-4, 1e4):
        net = network()
        before = net.mix.weight.detach().clone()
        optimizer = Muon(net, 0.1, 0.0)
        torch.manual_seed(1)
        (size * net(torch.randn(1, 3, 8, 8)).square().sum()).backward()
        optimizer.step()
        steps.append(net.mix.weight.detach() - before)
        assert net.mix.weight.grad is not None
    torch.testing.assert_close(steps[0], steps[1], rtol=1e-2, atol=1e-4)
    assert float(steps[0].square().sum()) == pytest.approx((0.1 * SCALE) ** 2 * 27 * 6, rel=0.3)


def test_the_other_weights_go_as_with_adamw() -> None:
    nets = [network(), network()]
    optimizers = [Muon(nets[0], 0.01, 0.1), torch.optim.AdamW(nets[1].parameters(), 0.01, weight_decay=0.1)]
    torch.manual_seed(1)
    shots = torch.randn(1, 3, 8, 8)
    for net, optimizer in zip(nets, optimizers, strict=True):
        net(shots).square().sum().backward()
        optimizer.step()
    torch.testing.assert_close(nets[0].head.state_dict(), nets[1].head.state_dict())
    assert (nets[0].mix.weight - nets[1].mix.weight).abs().max() > 1e-3


def test_a_resumed_optimizer_goes_on_as_if_it_had_not_stopped() -> None:
    def steps(net: nn.Module, optimizer: Muon, count: int) -> None:
        for _ in range(count):
            optimizer.zero_grad()
            net(torch.ones(1, 3, 8, 8)).square().sum().backward()
            optimizer.step()

    whole, cut = network(), network()
    steps(whole, Muon(whole, 0.01, 0.0), 4)
    first = Muon(cut, 0.01, 0.0)
    steps(cut, first, 2)
    again = Muon(cut, 0.01, 0.0)
    again.load_state_dict(first.state_dict())
    steps(cut, again, 2)
    torch.testing.assert_close(whole.state_dict(), cut.state_dict())
