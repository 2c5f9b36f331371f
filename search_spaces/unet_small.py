"""The U-Net shrunk by hand to a wanted number of parameters: the control for every search.

    channels[i] = round(width · 2^i)      width is a real number, found by bisection; the depth stays

What a searched network is better by than this one, the search has earned.
"""

import torch

from datagen.errors import InputError
from search_spaces.network import Features
from search_spaces.unet import UNet, UNetDecoder, UNetEncoder, doubling

WIDEST = 512.0  # channels at the finest level; bisection starts from here
STEPS = 30
TOLERANCE = 0.02  # of the number of parameters asked for


def shrunk_unet(parameters: int, depth: int, front: Features) -> UNet:
    """The U-Net of `depth` levels with `parameters` trainable parameters, to 2 %.

    Raises InputError where rounding to whole channels leaves none so near: `parameters` is too small or too
    large for the depth.
    """
    channels = channels_for(parameters, depth, front.channels)
    return UNet(channels, front)


def channels_for(parameters: int, depth: int, channels_in: int) -> list[int]:
    """The channels of its levels, behind a front that gives `channels_in`.  Raises as `shrunk_unet`."""
    low, high = 0.0, WIDEST
    for _ in range(STEPS):
        width = (low + high) / 2
        low, high = (width, high) if size(doubling(width, depth), channels_in) < parameters else (low, width)
    below, above = doubling(low, depth), doubling(high, depth)
    nearest = min((below, above), key=lambda channels: abs(size(channels, channels_in) - parameters))
    found = size(nearest, channels_in)
    if abs(found - parameters) > TOLERANCE * parameters:
        raise InputError(
            f"network.parameters: got {parameters}; the nearest U-Net of depth {depth} with {channels_in} input "
            f"channels has {found}; change network.parameters, network.depth or network.fold"
        )
    return nearest


def size(channels: list[int], channels_in: int) -> int:
    """The number of trainable parameters of such a U-Net."""
    with torch.device("meta"):  # counted, not made
        parts = (UNetEncoder(channels_in, channels), UNetDecoder(channels, channels[:-1]))
    head = channels[0] + 1
    return head + sum(weight.numel() for part in parts for weight in part.parameters())
