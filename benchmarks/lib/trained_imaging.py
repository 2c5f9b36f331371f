"""A network with the weights that bench_imaging.py has left, in half precision."""

from pathlib import Path

from torch import nn

from search_spaces.build import build
from search_spaces.config import Network
from search_spaces.networks.migrating import MigratingNetwork
from search_spaces.shape import Shape
from search_spaces.weights_file import read_tensors


def trained_imaging(network: Network, weights: Path, shape: Shape, shot_scale: float) -> MigratingNetwork:
    """In evaluation mode.  Raises InputError: no such file, or not one of weights."""
    net: nn.Module = build(network, shape, shot_scale)
    assert isinstance(net, MigratingNetwork)
    net.load_state_dict(read_tensors(weights))
    return net.eval()
