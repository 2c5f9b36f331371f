"""Muon: momentum whose every direction is made equally long, for the weights that mix channels; AdamW for the rest.

    m ← β m + (1 − β) g,   u = orthogonal((1 − β) g + β m),   w ← (1 − ηλ) w − η s √max(n, k) u

orthogonal(u) sets all singular values of the n × k matrix u to about 1 (Newton and Schulz's iteration).  Jordan et al.
2024, *Muon: An optimizer for hidden layers in neural networks*; the factor √max(n, k), which makes its steps as large
as AdamW's, is of Liu et al. 2025, arXiv 2502.16982.  torch has a Muon that takes matrices only, no convolutions.
"""

import math
from collections import defaultdict
from typing import Any, Literal

import torch
from torch import Tensor, nn

from trials.training.precision import fast_in_bfloat16

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic iteration
ITERATIONS = 5
SCALE = 0.4  # s; 0.2 in Liu et al.


class Muon(torch.optim.AdamW):
    """One optimizer for all weights of `network`, with one learning rate.

    Matrices are the weights of convolutions and linear layers, but for depthwise ones and heads; a convolution's is
    read as [channels out, channels in × kernel].
    """

    def __init__(self, network: nn.Module, learning_rate: float, weight_decay: float) -> None:
        groups: dict[bool, list[nn.Parameter]] = {True: [], False: []}
        for name, weight in network.named_parameters():
            groups[is_matrix(name, weight)].append(weight)
        super().__init__(
            [{"params": weights, "matrices": matrices} for matrices, weights in groups.items()],
            lr=learning_rate,
            weight_decay=weight_decay,
        )

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        gradients = []
        for group in self.param_groups:
            if group["matrices"]:
                given = [weight for weight in group["params"] if weight.grad is not None]
                self._move(given, group)
                for weight in given:
                    gradients.append((weight, weight.grad))
                    weight.grad = None  # AdamW leaves it alone
        super().step()
        for weight, gradient in gradients:
            weight.grad = gradient
        return loss

    def _move(self, weights: list[Tensor], group: dict[str, Any]) -> None:
        alike: dict[torch.Size, list[tuple[Tensor, Tensor]]] = defaultdict(list)  # are made orthogonal together
        for weight in weights:
            direction = self._direction(weight, group["betas"][0])
            alike[direction.shape].append((weight, direction))
        for shape, pairs in alike.items():
            size = SCALE * math.sqrt(max(shape))
            directions = orthogonal(torch.stack([direction for _, direction in pairs]))
            for (weight, _), direction in zip(pairs, directions, strict=True):
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                weight.sub_(direction.view_as(weight), alpha=group["lr"] * size)

    def _direction(self, weight: Tensor, momentum: float) -> Tensor:
        """As a matrix, not orthogonal yet."""
        assert weight.grad is not None
        state = self.state[weight]
        if not state:  # AdamW looks for a step when it is loaded
            state |= {"step": torch.tensor(0.0), "momentum": torch.zeros_like(weight)}
        average = state["momentum"].lerp_(weight.grad, 1 - momentum)
        return weight.grad.lerp(average, momentum).flatten(1)


def make_optimizer(
    name: Literal["muon", "adamw"], network: nn.Module, learning_rate: float, weight_decay: float
) -> torch.optim.AdamW:
    """The optimizer that `training.optimizer` names."""
    if name == "muon":
        return Muon(network, learning_rate, weight_decay)
    return torch.optim.AdamW(network.parameters(), learning_rate, weight_decay=weight_decay)


def is_matrix(name: str, weight: Tensor) -> bool:
    """Whether it mixes channels, as in `Muon`; a depthwise convolution has one channel in for each channel out."""
    return weight.ndim > 1 and weight.shape[1] > 1 and "head" not in name.split(".")


def orthogonal(matrices: Tensor) -> Tensor:
    """`[…, n, k]`: the same singular vectors with singular values between about 0.7 and 1.2."""
    tall = matrices.shape[-2] > matrices.shape[-1]
    x: Tensor = matrices.mT if tall else matrices
    if fast_in_bfloat16(x.device):  # precise enough for singular values that are only about 1, as in Jordan et al.
        x = x.bfloat16()
    x = x / (torch.linalg.matrix_norm(x, keepdim=True) + 1e-7)
    a, b, c = COEFFICIENTS
    for _ in range(ITERATIONS):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    return (x.mT if tall else x).to(matrices.dtype)
