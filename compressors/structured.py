"""Channel pruning: removes whole channels, so that the dense network, its file and its latency shrink.

    group      all channels that must go together because sums, skips and depthwise convolutions tie them
    worth      √ Σ w²   over all weights of a channel in all layers of its group, relative to the group's mean
    kept       the worthiest (1 − sparsity) of the dense network's, to the nearest block, at least one block

torch-pruning (Fang et al. 2023, DepGraph, arXiv 2301.12900) finds the groups by tracing one pass through the network.
The result is a plain torch module with narrower layers; search_spaces/narrow.py rebuilds it.
"""

import warnings
from collections.abc import Mapping

import torch
import torch_pruning
from torch import nn

from datagen.errors import InputError
from search_spaces.cells.fourier import UFourier
from search_spaces.fronts.stack import STRIDE
from search_spaces.networks.migrating import MigratingNetwork
from search_spaces.shape import Shape

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)
# Channels that CPU convolutions process together, with AVX-512, AVX2 and SSE: 24 take as long as 32.  A layer uses the
# largest block that fits twice, so that narrow layers have a choice.
BLOCKS = (16, 8, 4)


def layer_widths(network: nn.Module) -> dict[str, int]:
    """Layer → its output channels."""
    return {name: layer.out_channels for name, layer in network.named_modules() if isinstance(layer, CONVOLUTIONS)}


def shrink(network: nn.Module, shape: Shape, sparsity: float, dense: Mapping[str, int] | None = None) -> None:
    """Removes the share `sparsity` of the channels of every group from `network`, in place.

    `dense` [`layer_widths`] has the channels that the share refers to, for an already pruned network.

    The head keeps its outputs, the first convolution its inputs from the front.  The two networks behind a migration
    are pruned one after the other.

    Raises
    ------
    InputError
        `sparsity` is not in 0..<1, or the network has an operation whose channels cannot be pruned separately.
    """
    if not 0 <= sparsity < 1:
        raise InputError(f"compress.sparsity: got {sparsity}; allowed is 0 or more and less than 1")
    if any(isinstance(module, UFourier) for module in network.modules()):
        raise InputError("compress.pruner: channel cannot prune u_fourier; set compress.pruner to level")
    dense = dense or layer_widths(network)
    frozen = {name for name, weight in network.named_parameters() if not weight.requires_grad}
    network.eval().requires_grad_(True)  # torch-pruning traces the network by its gradients
    for name, part, example in _parts(network, shape):
        _shrink(part, example.to(next(network.parameters()).device), name, sparsity, dense)
    for name, weight in network.named_parameters():
        weight.requires_grad_(name not in frozen)
        weight.grad = None


def _parts(network: nn.Module, shape: Shape) -> list[tuple[str, nn.Module, torch.Tensor]]:
    """What is pruned as a whole: name before its layers, network, an input for it."""
    if not isinstance(network, MigratingNetwork):
        return [("", network, torch.zeros(1, shape.shots, shape.samples, shape.receivers))]
    size = [-(-cells // STRIDE) for cells in (shape.nz, shape.nx)]
    parts = {"velocity": network.velocity, "image": network.image}
    return [(f"{name}.", part, torch.zeros(1, part.front.channels, *size)) for name, part in parts.items()]


def _shrink(part: nn.Module, example: torch.Tensor, name: str, sparsity: float, dense: Mapping[str, int]) -> None:
    with warnings.catch_warnings(), torch.enable_grad():
        warnings.simplefilter("ignore")  # torch-pruning's, about parameters it leaves alone
        torch_pruning.pruner.BasePruner(
            part,
            example,
            importance=torch_pruning.importance.GroupMagnitudeImportance(p=2),
            pruning_ratio=0.0,
            pruning_ratio_dict={
                layer: _share(layer.out_channels, dense[name + within], sparsity)
                for within, layer in part.named_modules()
                if isinstance(layer, CONVOLUTIONS)
            },
            ignored_layers=[layer for layer in part.get_submodule("head").modules() if isinstance(layer, nn.Conv2d)],
        ).step()


def _share(channels: int, dense: int, sparsity: float) -> float:
    """Share of the present `channels` to remove; half a channel less, since torch-pruning rounds up."""
    block = next((size for size in BLOCKS if dense >= 2 * size), BLOCKS[-1])
    kept = max(block, block * round((1 - sparsity) * dense / block))
    return max(0.0, channels - kept - 0.5) / channels
