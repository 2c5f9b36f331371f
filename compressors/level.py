"""Level pruning with NNI: in every layer the weights of smallest magnitude become zero and stay zero.

    w ← m · w,   m_i = 0 for the k smallest |w_i| in a layer of n weights

How many a layer loses:

    layer    k ≈ sparsity · n in every layer, as in NNI's LevelPruner
    lamp     those go first, in all layers together, whose w_i² / Σ w_j² over |w_j| ≥ |w_i| in the layer is smallest:
             what is lost of the layer beside what is left of it, so that small and sensitive layers keep more
             (Lee et al. 2021, Layer-adaptive sparsity for the magnitude-based pruning, arXiv 2010.07611, equation 4)

Weights of convolutions and linear layers are pruned; biases and normalisation are left alone.

NNI wraps the layers it prunes and replaces their parameters.  So it works on a copy and only its masks are used: the
network stays a plain torch module with the same parameter objects.
"""

import copy
from typing import Any, Literal

import pytorch_lightning as pl
import torch
from nni.compression.pruning import LevelPruner
from pytorch_lightning.callbacks import Callback
from torch import Tensor, nn

from compressors.config import Compress
from datagen.errors import InputError

PRUNABLE = (nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d, nn.Linear)

Masks = dict[str, Tensor]
"""Parameter name → bool tensor of the parameter's shape; False where the weight is kept at zero."""


def prune(
    network: nn.Module,
    sparsity: float,
    scope: Literal["layer", "lamp"] = "lamp",
) -> Masks:
    """Sets the share `sparsity` of the prunable weights of `network` to zero in place; returns the masks.

    Existing zeros count first, so that pruning again with a higher sparsity adds to them.

    Raises
    ------
    InputError
        `sparsity` is not in 0..<1, or the network has no prunable layer.
    """
    if not 0 <= sparsity < 1:
        raise InputError(f"compress.sparsity: got {sparsity}; allowed is 0 or more and less than 1")
    weights = prunable_weights(network)
    if not weights:
        raise InputError(f"{type(network).__name__} has no convolution or linear layer to prune")
    if scope == "layer":
        zeros = _zeros_per_layer({name: weight.numel() for name, weight in weights.items()}, sparsity)
    else:
        zeros = _zeros_of_lowest_score(weights, sparsity)
    # `target_names`: NNI would prune biases too, and cannot for transposed convolutions.
    # NNI takes int(n · ratio); half a weight more keeps float rounding from losing one.
    recipe: list[dict[str, Any]] = [
        {
            "op_names": [name],
            "target_names": ["weight"],
            "sparse_ratio": (count + 0.5) / weights[name].numel(),
        }
        for name, count in zeros.items()
        if count > 0
    ]
    if not recipe:
        return {}
    _, found = LevelPruner(copy.deepcopy(network), recipe).compress()
    masks = {f"{name}.weight".removeprefix("."): mask["weight"].bool() for name, mask in found.items()}
    apply_masks(network, masks)
    return masks


@torch.no_grad()
def apply_masks(network: nn.Module, masks: Masks) -> None:
    """Restores the zeros, in place.  Call it after each optimizer step."""
    parameters = dict(network.named_parameters())
    for name, mask in masks.items():
        weight = parameters[name]
        weight.masked_fill_(~mask.to(weight.device), 0.0)


class KeepZeros(Callback):
    """Keeps the zeros of `network` during a Lightning training."""

    def __init__(self, network: nn.Module, masks: Masks) -> None:
        self.network, self.masks = network, masks

    def on_train_batch_end(self, trainer: pl.Trainer, module: pl.LightningModule, *_: Any) -> None:
        apply_masks(self.network, self.masks)


def prunable_weights(network: nn.Module) -> dict[str, Tensor]:
    """Layer name → weight."""
    # Exact types: NNI identifies layers by class name.
    return {name: layer.weight for name, layer in network.named_modules() if type(layer) in PRUNABLE}


def measure_sparsity(network: nn.Module) -> float:
    """Share of zeros among the prunable weights."""
    weights = prunable_weights(network).values()
    zeros = sum(weight.numel() - int(weight.count_nonzero()) for weight in weights)
    return zeros / max(1, sum(weight.numel() for weight in weights))


def sparsities(compress: Compress) -> list[float]:
    """The levels to prune to, in order; the last is the target.

    The gradual schedule prunes much while the network is dense and little near the end:
    s_k = target · (1 - (1 - k/steps)³),  k = 1 … steps      (Zhu & Gupta 2017, arXiv 1710.01878, equation 1)
    """
    if compress.schedule == "one_shot":
        return [compress.sparsity]
    steps = compress.steps
    return [compress.sparsity * (1 - (1 - step / steps) ** 3) for step in range(1, steps + 1)]


def _zeros_per_layer(sizes: dict[str, int], sparsity: float) -> dict[str, int]:
    """Layer name → number of zeros, which add up to the overall sparsity.

    The rounding error of one layer carries over to the next.  Each layer keeps at least one weight.
    """
    zeros, seen, given = {}, 0, 0
    for name, size in sizes.items():
        seen += size
        zeros[name] = min(size - 1, max(0, round(seen * sparsity) - given))
        given += zeros[name]
    return zeros


def _zeros_of_lowest_score(weights: dict[str, Tensor], sparsity: float) -> dict[str, int]:
    """Layer name → number of its weights among those of lowest score; each layer keeps one."""
    scores = [_lamp(weight.detach()) for weight in weights.values()]
    order = torch.cat(scores).argsort(stable=True)
    layer = torch.repeat_interleave(torch.tensor([len(score) for score in scores]))
    counts = layer[order.cpu()[: round(sparsity * len(order))]].bincount(minlength=len(weights))
    return {name: min(count, weights[name].numel() - 1) for name, count in zip(weights, counts.tolist(), strict=True)}


def _lamp(weight: Tensor) -> Tensor:
    """The scores of a layer's weights, from the smallest weight to the largest."""
    squares = weight.double().flatten().square().sort().values
    left = squares.flip(0).cumsum(0).flip(0)  # of this weight and all that are larger
    return torch.where(left > 0, squares / left, 0.0)
