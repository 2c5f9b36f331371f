"""Candidate operations of a cell: `[B, C, Z, X]` → `[B, C, ⌈Z/stride⌉, ⌈X/stride⌉]`.

    keep   op(x)                    stride 1, on the edges of a cell
    down   op(x), stride 2          at the entrance of an encoder cell
    up     interpolate(op(x))       at the entrance of a decoder cell (cells.py): no checkerboard (Odena et al. 2016)

Operations with weights are ReLU → … → batch norm, so that every candidate gives a signed, comparable signal and the
sum of several edges stays centred (as in DARTS, Liu et al. 2019).  None adds its input: that is `skip`.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from search_spaces.cells.fourier import u_fourier


def convolution(channels: int, stride: int = 1, *, size: int, dilation: int = 1) -> nn.Module:
    padding = dilation * (size // 2)
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(channels, channels, size, stride, padding, dilation, bias=False),
        nn.BatchNorm2d(channels),
    )


def depthwise(channels: int, stride: int = 1, *, size: int, dilation: int = 1) -> nn.Module:
    padding = dilation * (size // 2)
    return nn.Conv2d(channels, channels, size, stride, padding, dilation, groups=channels, bias=False)


def separable(channels: int, stride: int = 1, *, size: int, dilation: int = 1) -> nn.Module:
    """Depthwise, then pointwise convolution."""
    return nn.Sequential(
        nn.ReLU(),
        depthwise(channels, stride, size=size, dilation=dilation),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels),
    )


class SqueezeExcite(nn.Module):
    """x · σ(W₂ relu(W₁ mean(x))): the whole map decides the weight of each channel (Hu et al. 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(4, channels // 4)
        self.weigh = nn.Sequential(
            nn.Conv2d(channels, hidden, 1), nn.ReLU(), nn.Conv2d(hidden, channels, 1), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        weighted: Tensor = x * self.weigh(x.mean((2, 3), keepdim=True))
        return weighted


def inverted_bottleneck(
    channels: int, stride: int = 1, *, size: int, expansion: int, squeeze: bool = False
) -> nn.Module:
    """Pointwise to `expansion` times the channels, depthwise there, pointwise back (Sandler et al. 2018)."""
    wide = expansion * channels
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(channels, wide, 1, bias=False),
        nn.BatchNorm2d(wide),
        nn.ReLU(),
        depthwise(wide, stride, size=size),
        nn.BatchNorm2d(wide),
        nn.ReLU(),
        *([SqueezeExcite(wide)] if squeeze else []),
        nn.Conv2d(wide, channels, 1, bias=False),
        nn.BatchNorm2d(channels),
    )


class BoxFilter(nn.Module):
    """Average over 3×3; in a graph as a depthwise convolution, ten times as fast there.

    It takes any number of channels, since pruning may remove some.
    """

    weight: Tensor

    def __init__(self, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride
        self.register_buffer("weight", torch.full((1, 1, 3, 3), 1 / 9), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        if not torch.compiler.is_exporting():  # its gradient is up to six times as fast
            return functional.avg_pool2d(x, 3, self.stride, padding=1)
        channels = x.shape[1]
        weight = self.weight.expand(channels, -1, -1, -1)
        return functional.conv2d(x, weight, stride=self.stride, padding=1, groups=channels)


def max_pool(channels: int, stride: int = 1) -> nn.Module:
    return nn.Sequential(nn.MaxPool2d(3, stride, padding=1), nn.BatchNorm2d(channels))


def average_pool(channels: int, stride: int = 1) -> nn.Module:
    return nn.Sequential(BoxFilter(stride), nn.BatchNorm2d(channels))


def squeeze_excite(channels: int, stride: int = 1) -> nn.Module:
    return nn.Sequential(skip(channels, stride), SqueezeExcite(channels), nn.BatchNorm2d(channels))


def skip(channels: int, stride: int = 1) -> nn.Module:
    """The input itself; its average when going down."""
    return nn.Identity() if stride == 1 else BoxFilter(stride)


class Zero(nn.Module):
    """No connection.  A cell leaves such an edge out; only a supernet ever runs it."""

    def __init__(self, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        return torch.zeros_like(x[..., :: self.stride, :: self.stride])


def none(channels: int, stride: int = 1) -> nn.Module:
    return Zero(stride)


# (channels, stride=1) → a fresh operation; the names are those of operation_sets.py
OPERATIONS: dict[str, Callable[..., nn.Module]] = {
    "sep_conv_3x3": partial(separable, size=3),
    "sep_conv_5x5": partial(separable, size=5),
    "sep_conv_7x7": partial(separable, size=7),
    "conv_3x3": partial(convolution, size=3),
    "dil_conv_3x3": partial(convolution, size=3, dilation=2),
    "dil_sep_conv_5x5": partial(separable, size=5, dilation=2),
    "mbconv_e3_3x3": partial(inverted_bottleneck, size=3, expansion=3),
    "mbconv_e3_5x5": partial(inverted_bottleneck, size=5, expansion=3),
    "mbconv_e3_7x7": partial(inverted_bottleneck, size=7, expansion=3),
    "mbconv_e4_5x5_se": partial(inverted_bottleneck, size=5, expansion=4, squeeze=True),
    "u_fourier": u_fourier,
    "squeeze_excite": squeeze_excite,
    "max_pool_3x3": max_pool,
    "avg_pool_3x3": average_pool,
    "skip": skip,
    "none": none,
}
