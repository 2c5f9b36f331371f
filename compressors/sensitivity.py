"""Measures which layers suffer most from pruning: each is pruned alone, and the network scored.

    loss_l = score(network) − score(network with layer l alone at the sparsity)

Depthwise convolutions have few weights and suffer most; leaving them whole costs almost nothing.
"""

import copy
from collections.abc import Callable

from torch import nn

from compressors.level import prunable_weights, prune


def sensitivities(network: nn.Module, sparsity: float, score: Callable[[nn.Module], float]) -> dict[str, float]:
    """Layer → the loss of `score` (higher is better) when this layer alone is pruned, the most sensitive first.

    The network itself is not changed.
    """
    whole, losses = score(network), {}
    layers = prunable_weights(network)
    for name in layers:
        pruned = copy.deepcopy(network)
        prune(pruned, sparsity, only=[name])
        losses[name] = whole - score(pruned)
    return dict(sorted(losses.items(), key=lambda item: -item[1]))


def spared(network: nn.Module, losses: dict[str, float], sparsity: float, share: float) -> list[str]:
    """The layers to leave whole: those with the largest loss per weight, while they fit.

    They may take up the share `share` of the (1 − sparsity) · n remaining weights, so that the others can still reach
    the overall sparsity.
    """
    sizes = {name: weight.numel() for name, weight in prunable_weights(network).items()}
    room = share * (1 - sparsity) * sum(sizes.values())
    chosen = []
    for name in sorted(losses, key=lambda name: -losses[name] / sizes[name]):
        if losses[name] > 0 and sizes[name] <= room:
            chosen.append(name)
            room -= sizes[name]
    return chosen
