"""The contract that every network keeps, so that any encoder goes with any decoder.

    shots [B, S, T, R] ─ front ─ encoder ─ decoder ─ head ─► image [B, 1, Z, X], normalised, within about ±1

An encoder maps features `[B, C, Z, X]` to a list of feature maps from fine to coarse: the first of size
Z × X, each next one half as large (rounded up).  A decoder maps that list to `[B, C, Z, X]`.  Z and X may be
any size.  (InversionNet alone has no skips: its encoder gives one code, its decoder the whole section.)
"""

import torch
from torch import Tensor, nn


class Features(nn.Module):
    """A front: shots `[B, S, T, R]` → features `[B, channels, Z, X]`."""

    channels: int


class SingleChannel(Features):
    """The front of a network that takes samples `[B, 1, Z, X]` as they are: gathers, velocity models."""

    channels = 1

    def forward(self, sample_B1ZX: Tensor) -> Tensor:
        return sample_B1ZX.contiguous(memory_format=torch.channels_last)


class ImagingNetwork(nn.Module):
    """The four parts in a row; `channels` is what the decoder ends with."""

    def __init__(self, front: nn.Module, encoder: nn.Module, decoder: nn.Module, channels: int) -> None:
        super().__init__()
        self.front = front
        self.encoder = encoder
        self.decoder = decoder
        self.head: nn.Module = nn.Conv2d(channels, 1, 1)

    def forward(self, shots_BSTR: Tensor) -> Tensor:
        image_B1ZX: Tensor = self.head(self.decoder(self.encoder(self.front(shots_BSTR))))
        return image_B1ZX
