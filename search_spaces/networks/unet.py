"""The reference U-Net, in its usual form (Ronneberger et al. 2015) with batch norm.

level i:  2 × (3×3 convolution, batch norm, ReLU) with channels[i]; max-pooling down; transposed 2×2 convolution
          up, concatenated with the skip
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from search_spaces.networks.contract import Features, ImagingNetwork


def double_convolution(channels_in: int, channels: int) -> nn.Sequential:
    """`[B, channels_in, Z, X]` → `[B, channels, Z, X]`."""
    layers: list[nn.Module] = []
    for given in (channels_in, channels):
        layers += [
            nn.Conv2d(given, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
        ]
    return nn.Sequential(*layers)


class UNetEncoder(nn.Module):
    """`[B, C_in, Z, X]` → list of `[B, channels[i], ⌈Z/2^i⌉, ⌈X/2^i⌉]`, fine to coarse."""

    def __init__(self, channels_in: int, channels: list[int]) -> None:
        super().__init__()
        before = [channels_in, *channels[:-1]]
        self.levels = nn.ModuleList(map(double_convolution, before, channels))
        self.down = nn.MaxPool2d(2, ceil_mode=True)

    def forward(self, x: Tensor) -> list[Tensor]:
        features = [self.levels[0](x)]
        for level in self.levels[1:]:
            features.append(level(self.down(features[-1])))
        return features


class UNetDecoder(nn.Module):
    """A list with `channels`, fine to coarse → `[B, widths[0], Z, X]`.

    `widths` are the output channels of each level except the coarsest.
    """

    def __init__(self, channels: list[int], widths: list[int]) -> None:
        super().__init__()
        steps = list(pairwise([channels[-1], *widths[::-1]]))
        skips = channels[-2::-1]
        self.up = nn.ModuleList(nn.ConvTranspose2d(given, wanted, 2, stride=2) for given, wanted in steps)
        self.levels = nn.ModuleList(
            double_convolution(skip + wanted, wanted) for skip, (_, wanted) in zip(skips, steps, strict=True)
        )

    def forward(self, features: list[Tensor]) -> Tensor:
        *skips, x = features
        for up, level, skip in zip(self.up, self.levels, reversed(skips), strict=True):
            height, width = skip.shape[-2:]
            x = level(torch.cat([skip, up(x)[..., :height, :width]], dim=1))  # up is one too large if odd
        return x


class UNet(ImagingNetwork):
    """`channels` of its levels, fine to coarse.

    48, 96, 192, 384, 768 make 17 million parameters, the size of Zhan et al. (2022).
    """

    def __init__(self, channels: list[int], front: Features) -> None:
        super().__init__(
            front, UNetEncoder(front.channels, channels), UNetDecoder(channels, channels[:-1]), channels[0]
        )


def doubling(width: float, depth: int) -> list[int]:
    """The usual channels of a U-Net: `width` at the finest of `depth` levels, doubling at each next."""
    return [max(1, round(width * 2**level)) for level in range(depth)]
