"""Candidate operations of a cell, at constant size: `[B, C, Z, X]` → `[B, C, Z, X]`.

Convolutions are ReLU → convolution → batch norm, so that every candidate gives a signed, comparable signal
and the sum of several edges stays centred (as in DARTS, Liu et al. 2019).
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional


def convolution(channels: int, size: int, dilation: int = 1) -> nn.Module:
    padding = dilation * (size // 2)
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(channels, channels, size, padding=padding, dilation=dilation, bias=False),
        nn.BatchNorm2d(channels),
    )


def separable(channels: int, size: int, dilation: int = 1) -> nn.Module:
    """Depthwise, then pointwise convolution."""
    padding = dilation * (size // 2)
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(channels, channels, size, padding=padding, dilation=dilation, groups=channels, bias=False),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels),
    )


def max_pool(channels: int) -> nn.Module:
    return nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), nn.BatchNorm2d(channels))


class BoxFilter(nn.Module):
    """Average over 3×3, as a depthwise convolution: ten times faster than AvgPool2d on CPUs."""

    weight: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.register_buffer("weight", torch.full((channels, 1, 3, 3), 1 / 9), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv2d(x, self.weight, padding=1, groups=self.channels)


def average_pool(channels: int) -> nn.Module:
    return nn.Sequential(BoxFilter(channels), nn.BatchNorm2d(channels))


class Zero(nn.Module):
    """No connection.  A cell leaves such an edge out; only a supernet ever runs it."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.zeros_like(x)


OPERATIONS: dict[str, Callable[[int], nn.Module]] = {
    "sep_conv_3x3": lambda channels: separable(channels, 3),
    "sep_conv_5x5": lambda channels: separable(channels, 5),
    "conv_3x3": lambda channels: convolution(channels, 3),
    "dil_conv_3x3": lambda channels: convolution(channels, 3, dilation=2),
    "dil_sep_conv_5x5": lambda channels: separable(channels, 5, dilation=2),
    "max_pool_3x3": max_pool,
    "avg_pool_3x3": average_pool,
    "skip": lambda channels: nn.Identity(),
    "none": lambda channels: Zero(),
}

SETS: dict[str, tuple[str, ...]] = {
    "small": ("sep_conv_3x3", "conv_3x3", "dil_conv_3x3", "skip", "none"),
    "full": tuple(OPERATIONS),
}
