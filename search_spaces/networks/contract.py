"""The contract of every network, so that any encoder fits any decoder.

    shots [B, S, T, R] ─ front ─ encoder ─ decoder ─ head ─► image [B, 1, Z, X], normalised, within about ±1

An encoder maps features `[B, C, Z, X]` to a list of feature maps from fine to coarse: the first of size
Z × X, each next one half as large (rounded up).  A decoder maps that list to `[B, C, Z, X]`.  Z and X may be
any size.  (Only InversionNet has no skips: its encoder gives one code, its decoder the whole section.)

Behind a front with features half as fine as the image everything works on the coarser grid, and the head makes 2×2
cells of each cell (sub-pixel convolution, Shi et al. 2016).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Features(nn.Module):
    """A front: shots `[B, S, T, R]` → features `[B, channels, Z, X]`, for networks that give `outputs` images."""

    channels: int
    finer: tuple[int, int] | None = None  # Z and X of the image, if the features are half as fine
    outputs = 1


class FineHead(nn.Module):
    """`[B, C, ⌈Z/2⌉, ⌈X/2⌉]` → images `[B, outputs, Z, X]` of `size`."""

    def __init__(self, channels: int, outputs: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.cells, self.size = nn.Conv2d(channels, 4 * outputs, 1), size

    def forward(self, x: Tensor) -> Tensor:
        image_BOZX = functional.pixel_shuffle(self.cells(x), 2)
        return image_BOZX[..., : self.size[0], : self.size[1]]


class SingleChannel(Features):
    """The front of a network that takes samples `[B, 1, Z, X]` unchanged: gathers, velocity models."""

    channels = 1

    def forward(self, sample_B1ZX: Tensor) -> Tensor:
        return sample_B1ZX.contiguous(memory_format=torch.channels_last)


class ImagingNetwork(nn.Module):
    """The four parts in sequence; `channels` are the decoder's outputs."""

    def __init__(self, front: Features, encoder: nn.Module, decoder: nn.Module, channels: int) -> None:
        super().__init__()
        self.front = front
        self.encoder = encoder
        self.decoder = decoder
        outputs = front.outputs
        self.head: nn.Module = (
            FineHead(channels, outputs, front.finer) if front.finer else nn.Conv2d(channels, outputs, 1)
        )

    def forward(self, shots_BSTR: Tensor) -> Tensor:
        return self.image(self.front(shots_BSTR))

    def image(self, features_BCZX: Tensor) -> Tensor:
        """The images `[B, outputs, Z, X]`, nearly always one, from the front's features."""
        image_BOZX: Tensor = self.head(self.decoder(self.encoder(features_BCZX)))
        return image_BOZX
