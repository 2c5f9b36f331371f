"""Muon: momentum whose every direction is made equally long, for the weights that mix channels; AdamW for the rest.

    m ← β m + (1 − β) g,   u = orthogonal((1 − β) g + β m),   w ← (1 − ηλ) w − η s √max(n, k) u

orthogonal(u) sets all singular values of the n × k matrix u to about 1 (Newton and Schulz's iteration).  Jordan et al.
2024, *Muon: An optimizer for hidden layers in neural networks*; the factor √max(n, k), which makes its steps as large
as AdamW's, is of Liu et al. 2025, arXiv 2502.16982.  torch has a Muon that takes matrices only, no convolutions.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn

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
            for weight in group["params"] if group["matrices"] else ():
                if weight.grad is not None:
                    self._move(weight, weight.grad, group)
                    gradients.append((weight, weight.grad))
                    weight.grad = None  # AdamW leaves it alone
        super().step()
        for weight, gradient in gradients:
            weight.grad = gradient
        return loss

    def _move(self, weight: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        momentum, rate = group["betas"][0], group["lr"]
        state = self.state[weight]
        if not state:  # AdamW looks for a step when it is loaded
            state |= {"step": torch.tensor(0.0), "momentum": torch.zeros_like(weight)}
        average = state["momentum"].lerp_(gradient, 1 - momentum)
        direction = orthogonal(gradient.lerp(average, momentum).flatten(1))
        size = SCALE * math.sqrt(max(direction.shape))
        weight.mul_(1 - rate * group["weight_decay"]).sub_(direction.view_as(weight), alpha=rate * size)


def is_matrix(name: str, weight: Tensor) -> bool:
    """Whether it mixes channels, as in `Muon`; a depthwise convolution has one channel in for each channel out."""
    return weight.ndim > 1 and weight.shape[1] > 1 and "head" not in name.split(".")


def orthogonal(matrix: Tensor) -> Tensor:
    """The same singular vectors with singular values between about 0.7 and 1.2."""
    x: Tensor = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    x = x / (torch.linalg.vector_norm(x) + 1e-7)
    a, b, c = COEFFICIENTS
    for _ in range(ITERATIONS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if matrix.shape[0] > matrix.shape[1] else x
