"""Networks with fewer channels than their recipe gives, as channel pruning leaves them.

    network.channels   {encoder.cells.0.widen.0: [20, 24], …}      layer → channels in, channels out

The counts are in the configuration, like a genotype, so that every builder builds the narrow network.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from datagen.errors import InputError
from search_spaces.config import Channels
from search_spaces.shape import Shape

Layer = nn.Conv2d | nn.ConvTranspose2d | nn.BatchNorm2d | nn.Linear
LAYERS = (nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d, nn.Linear)


def layer_channels(network: nn.Module) -> Channels:
    """The channels of every layer that has any."""
    return {name: _counts(layer) for name, layer in network.named_modules() if _is_layer(layer)}


def narrow(network: nn.Module, channels: Mapping[str, tuple[int, int]], shape: Shape) -> None:
    """Gives every layer of `network` its number of channels, in place; its first channels keep their weights.

    Raises
    ------
    InputError
        `channels` names layers that the network lacks, gives more channels than it has, or numbers that do not fit
        together.
    """
    layers = {name: layer for name, layer in network.named_modules() if _is_layer(layer)}
    if channels.keys() != layers.keys():
        odd = sorted(channels.keys() ^ layers.keys())
        raise InputError(f"network.channels: not the layers of this network: {', '.join(odd[:3])}")
    for name, layer in layers.items():
        if any(asked > there for asked, there in zip(channels[name], _counts(layer), strict=True)):
            raise InputError(f"network.channels: {name} should have {channels[name]}; it has at most {_counts(layer)}")
        _resize(layer, *channels[name])
    training = network.training
    try:
        with torch.no_grad():
            network.eval()(torch.zeros(1, shape.shots, shape.samples, shape.receivers))
    except RuntimeError as error:
        raise InputError(f"network.channels: these do not fit together: {error}") from None
    network.train(training)


def _is_layer(module: nn.Module) -> bool:
    return isinstance(module, LAYERS)


def _counts(layer: nn.Module) -> tuple[int, int]:
    """Channels in and out."""
    if isinstance(layer, nn.BatchNorm2d):
        return layer.num_features, layer.num_features
    if isinstance(layer, nn.Linear):
        return layer.in_features, layer.out_features
    assert isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
    return layer.in_channels, layer.out_channels


def _resize(layer: nn.Module, given: int, wanted: int) -> None:
    if (given, wanted) == _counts(layer):
        return
    if isinstance(layer, nn.BatchNorm2d):
        layer.num_features = wanted
        assert layer.running_mean is not None
        assert layer.running_var is not None
        layer.running_mean, layer.running_var = layer.running_mean[:wanted].clone(), layer.running_var[:wanted].clone()
        layer.weight, layer.bias = _first(layer.weight, wanted), _first(layer.bias, wanted)
        return
    if isinstance(layer, nn.Linear):
        layer.in_features, layer.out_features = given, wanted
        layer.weight = _first(layer.weight, wanted, given)
    else:
        assert isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
        if layer.groups > 1:
            if not layer.groups == layer.in_channels == layer.out_channels or given != wanted:
                raise InputError("network.channels: a grouped convolution has one channel per group, in and out")
            layer.groups = wanted
        layer.in_channels, layer.out_channels = given, wanted
        each = given // layer.groups
        transposed = isinstance(layer, nn.ConvTranspose2d)
        layer.weight = _first(layer.weight, *((given, wanted // layer.groups) if transposed else (wanted, each)))
    if layer.bias is not None:
        layer.bias = _first(layer.bias, wanted)


def _first(weight: Tensor, *counts: int) -> nn.Parameter:
    for axis, count in enumerate(counts):
        weight = weight.narrow(axis, 0, count)
    return nn.Parameter(weight.detach().clone())
