"""The U-Net shrunk by hand to a wanted number of parameters: the control for every search.

    channels[i] = round(width · 2^i)      width is a real number, found by bisection; the depth stays

The search has earned whatever a searched network gains over this one.
"""

import torch

from datagen.errors import InputError
from search_spaces.networks.contract import Features
from search_spaces.networks.unet import UNet, doubling

WIDEST = 512.0  # channels at the finest level; bisection starts from here
STEPS = 30
TOLERANCE = 0.02  # of the number of parameters asked for


def shrunk_unet(parameters: int, depth: int, front: Features) -> UNet:
    """The U-Net of `depth` levels with `parameters` trainable parameters, to 2 %.

    Raises InputError if rounding to whole channels leaves none that near: `parameters` is too small or too large for
    the depth.
    """
    return UNet(channels_for(parameters, depth, front), front)


def channels_for(parameters: int, depth: int, front: Features) -> list[int]:
    """The channels of its levels.  Raises as `shrunk_unet`."""
    low, high = 0.0, WIDEST
    for _ in range(STEPS):
        width = (low + high) / 2
        low, high = (width, high) if size(doubling(width, depth), front) < parameters else (low, width)
    below, above = doubling(low, depth), doubling(high, depth)
    nearest = min((below, above), key=lambda channels: abs(size(channels, front) - parameters))
    found = size(nearest, front)
    if abs(found - parameters) > TOLERANCE * parameters:
        raise InputError(
            f"network.parameters: got {parameters}; the nearest U-Net of depth {depth} with {front.channels} input "
            f"channels has {found}; change network.parameters, network.depth or network.front.fold"
        )
    return nearest


def size(channels: list[int], front: Features) -> int:
    """The number of trainable parameters of such a U-Net."""
    with torch.device("meta"):  # counted without allocating
        return sum(weight.numel() for weight in UNet(channels, front).parameters())
