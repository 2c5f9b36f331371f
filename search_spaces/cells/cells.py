"""The two cells of a NasUnet: an encoder cell goes down one scale, a decoder cell comes up one.

    encoder   x ─ 1×1 ─ batch norm ─ down op, stride 2 ─────┐
    decoder   x ─ 1×1 ─ up op ─ bilinear ─ + ─ batch norm ──┤
              skip ─ 1×1 ──────────────────┘                │
                                                            ▼
                                    s0 ─► s1 … sn ─ concatenate ─ 1×1 ─ + ─►       s_i = Σ_{j<i} edge_ij(s_j)
                                     └──────────────────────────────────┘

The caller supplies edge, down and up operations, so that the same code serves the supernet (a choice of operations)
and the found network (one operation).
"""

from collections.abc import Callable
from functools import reduce
from itertools import accumulate

import torch
from torch import Tensor, nn
from torch.nn import functional

from search_spaces.cells.operations import Zero

Edge = Callable[[int, int, int], nn.Module]
"""(node, source, channels) → the operation on that edge; source 0 is the cell's input, nodes count from 1."""

Entrance = Callable[[int, int], nn.Module]
"""(channels, stride) → the operation on a cell's input."""


class Node(nn.Module):
    """The sum of its edges, one from each earlier state."""

    def __init__(self, edges: list[nn.Module]) -> None:
        super().__init__()
        self.edges = nn.ModuleList(edges)

    def forward(self, states: list[Tensor]) -> Tensor:
        pairs = zip(self.edges, states, strict=True)
        terms: list[Tensor] = [edge(state) for edge, state in pairs if not isinstance(edge, Zero)]
        return reduce(torch.add, terms)


class Graph(nn.Module):
    """The searched part of a cell, `[B, C, Z, X]` → `[B, C, Z, X]`, with a residual around it."""

    def __init__(self, channels: int, nodes: int, edge: Edge) -> None:
        super().__init__()
        self.nodes = nn.ModuleList(
            Node([edge(node, source, channels) for source in range(node)]) for node in range(1, nodes + 1)
        )
        self.join = nn.Sequential(
            nn.ReLU(), nn.Conv2d(nodes * channels, channels, 1, bias=False), nn.BatchNorm2d(channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        states = [x]
        for node in self.nodes:
            states.append(node(states))
        if torch.compiler.is_exporting():
            return x + self._joined_in_parts(states[1:])
        joined: Tensor = self.join(torch.cat(states[1:], dim=1))
        return x + joined

    def _joined_in_parts(self, states: list[Tensor]) -> Tensor:
        """`join` as one convolution per state: ONNX Runtime adds while it convolves, but copies to concatenate."""
        _, convolution, norm = self.join
        assert isinstance(convolution, nn.Conv2d)
        assert isinstance(norm, nn.BatchNorm2d)
        assert norm.running_mean is not None
        assert norm.running_var is not None
        scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
        bias = norm.bias - norm.running_mean * scale
        weight = convolution.weight * scale[:, None, None, None]
        ends = list(accumulate(state.shape[1] for state in states))
        terms = [
            functional.conv2d(state.relu(), weight[:, end - state.shape[1] : end], None if place else bias)
            for place, (state, end) in enumerate(zip(states, ends, strict=True))
        ]
        return reduce(torch.add, terms)


class EncoderCell(nn.Module):
    """`[B, C_in, Z, X]` → `[B, C, ⌈Z/stride⌉, ⌈X/stride⌉]`; stride 1 at the finest scale, otherwise 2."""

    def __init__(self, channels_in: int, channels: int, nodes: int, edge: Edge, down: Entrance, *, stride: int) -> None:
        super().__init__()
        self.widen = nn.Sequential(nn.Conv2d(channels_in, channels, 1, bias=False), nn.BatchNorm2d(channels))
        self.down = down(channels, stride)
        self.graph = Graph(channels, nodes, edge)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.graph(self.down(self.widen(x)))
        return y


class DecoderCell(nn.Module):
    """Coarse `[B, C_in, z, x]` and skip `[B, C, Z, X]`, of any size → `[B, C, Z, X]`.

    A 1×1 convolution of the concatenation is the sum of one of each part, and it commutes with interpolation:
    the same map, with fewer channels to interpolate.
    """

    def __init__(self, channels_in: int, channels: int, nodes: int, edge: Edge, up: Entrance) -> None:
        super().__init__()
        self.up = up(channels, 1)
        self.from_coarse = nn.Conv2d(channels_in, channels, 1, bias=False)
        self.from_skip = nn.Conv2d(channels, channels, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.graph = Graph(channels, nodes, edge)

    def forward(self, coarse: Tensor, skip: Tensor) -> Tensor:
        up = enlarged(self.up(self.from_coarse(coarse)), skip.shape[-2], skip.shape[-1])
        y: Tensor = self.graph(self.norm(up + self.from_skip(skip)))
        return y


def enlarged(x: Tensor, rows: int, columns: int) -> Tensor:
    """Bilinear; a doubling is given as a scale, so that ONNX Runtime keeps the layout of its convolutions."""
    if (rows, columns) == (2 * x.shape[-2], 2 * x.shape[-1]):
        return functional.interpolate(x, scale_factor=2.0, mode="bilinear")
    return functional.interpolate(x, size=(rows, columns), mode="bilinear")
