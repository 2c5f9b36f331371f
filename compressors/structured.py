"""Channel pruning: whole channels go, so that the dense network, its file and its latency shrink.

    group      all channels that must go together because sums, skips and depthwise convolutions tie them
    worth      √ Σ w²   over all weights of a channel in all layers of its group, relative to the group's mean
    kept       the worthiest (1 − sparsity) of the dense network's, to the nearest block, at least one block

The groups are found by torch-pruning (Fang et al. 2023, DepGraph, arXiv 2301.12900), which follows one pass through
the network.  What comes out is a plain torch module with narrower layers; search_spaces/narrow.py builds it again.
"""

import warnings
from collections.abc import Mapping

import torch
import torch_pruning
from torch import nn

from datagen.errors import InputError
from search_spaces.cells.fourier import UFourier
from search_spaces.shape import Shape

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)
# Channels that convolutions on CPUs work through at once, with AVX-512, AVX2 and SSE: with 24 they take as long as
# with 32.  A layer has the largest block of which it has two, so that narrow layers have a choice.
BLOCKS = (16, 8, 4)


def widths_of(network: nn.Module) -> dict[str, int]:
    """Layer → channels that come out of it."""
    return {name: layer.out_channels for name, layer in network.named_modules() if isinstance(layer, CONVOLUTIONS)}


def shrink(network: nn.Module, shape: Shape, sparsity: float, dense: Mapping[str, int] | None = None) -> None:
    """Takes the share `sparsity` of the channels of every group out of `network`, in place.

    `dense` [`widths_of`] says how many channels the share is of, for a network that has lost some already.

    The head keeps its outputs, the first convolution the inputs that the front gives.

    Raises
    ------
    InputError
        `sparsity` is not in 0..<1, or the network has an operation whose channels cannot be told apart.
    """
    if not 0 <= sparsity < 1:
        raise InputError(f"compress.sparsity: got {sparsity}; allowed is 0 or more and less than 1")
    if any(isinstance(module, UFourier) for module in network.modules()):
        raise InputError("compress.pruner: channel cannot prune u_fourier; set compress.pruner to level")
    shots_BSTR = torch.zeros(1, shape.shots, shape.samples, shape.receivers, device=next(network.parameters()).device)
    dense = dense or widths_of(network)
    frozen = {name for name, weight in network.named_parameters() if not weight.requires_grad}
    network.eval().requires_grad_(True)  # the path through the network is followed along its gradients
    with warnings.catch_warnings(), torch.enable_grad():
        warnings.simplefilter("ignore")  # torch-pruning's, of parameters it leaves alone
        torch_pruning.pruner.BasePruner(
            network,
            shots_BSTR,
            importance=torch_pruning.importance.GroupMagnitudeImportance(p=2),
            pruning_ratio=0.0,
            pruning_ratio_dict={
                layer: _share(layer.out_channels, dense[name], sparsity)
                for name, layer in network.named_modules()
                if isinstance(layer, CONVOLUTIONS)
            },
            ignored_layers=[layer for layer in network.get_submodule("head").modules() if isinstance(layer, nn.Conv2d)],
        ).step()
    for name, weight in network.named_parameters():
        weight.requires_grad_(name not in frozen)
        weight.grad = None


def _share(channels: int, dense: int, sparsity: float) -> float:
    """Of the `channels` that are there, what has to go; half a channel less, since torch-pruning rounds up."""
    block = next((size for size in BLOCKS if dense >= 2 * size), BLOCKS[-1])
    kept = max(block, block * round((1 - sparsity) * dense / block))
    return max(0.0, channels - kept - 0.5) / channels
