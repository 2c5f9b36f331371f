"""Cells wire what they are given, and nothing else."""

import pytest
import torch
from torch import Tensor, nn

from search_spaces.cells.cells import DecoderCell, EncoderCell, Graph
from search_spaces.cells.operations import OPERATIONS, Zero


class Scale(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return self.factor * x


def test_a_node_is_the_sum_of_its_edges() -> None:
    factors = {(1, 0): 2.0, (2, 0): 3.0, (2, 1): 5.0}
    graph = Graph(4, 2, lambda node, source, channels: Scale(factors[node, source]))
    joined: list[Tensor] = []
    graph.join.register_forward_hook(lambda module, inputs, output: joined.append(inputs[0]))
    x = torch.randn(2, 4, 5, 6)
    graph(x)
    torch.testing.assert_close(joined[0], torch.cat([2 * x, 3 * x + 5 * 2 * x], dim=1))


def keep(channels: int, stride: int) -> nn.Module:
    return OPERATIONS["skip"](channels, stride)


def test_every_edge_is_asked_for_once_with_the_channels_of_the_cell() -> None:
    asked: list[tuple[int, int, int]] = []

    def edge(node: int, source: int, channels: int) -> nn.Module:
        asked.append((node, source, channels))
        return nn.Identity()

    EncoderCell(3, 8, 3, edge, keep, stride=2)
    assert asked == [(1, 0, 8), (2, 0, 8), (2, 1, 8), (3, 0, 8), (3, 1, 8), (3, 2, 8)]


def test_an_edge_that_is_none_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Zero, "forward", lambda self, x: pytest.fail("none was run"))
    graph = Graph(4, 2, lambda node, source, channels: Zero() if source == 1 else nn.Identity())
    graph(torch.randn(2, 4, 5, 6))


@pytest.mark.parametrize("size", [(8, 8), (9, 7), (1, 3)])
def test_an_encoder_cell_halves_and_a_decoder_cell_restores_any_size(size: tuple[int, int]) -> None:
    down = EncoderCell(3, 8, 1, lambda *_: nn.Identity(), keep, stride=2)
    up = DecoderCell(8, 3, 1, lambda *_: nn.Identity(), keep)
    skip = torch.randn(2, 3, *size)
    coarse = down(skip)
    assert coarse.shape == (2, 8, -(-size[0] // 2), -(-size[1] // 2))
    assert up(coarse, skip).shape == skip.shape


def test_the_decoder_joins_as_a_1x1_convolution_of_the_concatenation_would() -> None:
    cell = DecoderCell(6, 4, 1, lambda *_: nn.Identity(), keep).eval()
    joined: list[Tensor] = []
    cell.norm.register_forward_hook(lambda module, inputs, output: joined.append(inputs[0]))
    coarse, skip = torch.randn(2, 6, 4, 5), torch.randn(2, 4, 7, 10)
    cell(coarse, skip)
    both = nn.Conv2d(10, 4, 1, bias=False)
    both.weight = nn.Parameter(torch.cat([cell.from_coarse.weight, cell.from_skip.weight], dim=1))
    up = nn.functional.interpolate(coarse, size=(7, 10), mode="bilinear")
    torch.testing.assert_close(joined[0], both(torch.cat([up, skip], dim=1)))
