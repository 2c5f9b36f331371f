"""What training makes small: a weighted sum of terms, each logged by itself.

l1 = mean |p - t|    l2 = mean (p - t)²    gradient = mean |∂z(p - t)| + mean |∂x(p - t)|    ssim = 1 - SSIM(p, t)
"""

from collections.abc import Callable
from dataclasses import asdict

import torch
from torch import Tensor
from torch.nn import functional

from trials.config import Loss
from trials.metrics import ssim


def gradient_difference(prediction_B1ZX: Tensor, target_B1ZX: Tensor) -> Tensor:
    """Mean absolute difference of the first differences along depth and distance (Mathieu et al. 2016)."""
    difference = prediction_B1ZX - target_B1ZX
    return difference.diff(dim=-2).abs().mean() + difference.diff(dim=-1).abs().mean()


def dissimilarity(prediction_B1ZX: Tensor, target_B1ZX: Tensor) -> Tensor:
    return 1 - ssim(prediction_B1ZX, target_B1ZX).mean()


TERMS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "l1": functional.l1_loss,
    "l2": functional.mse_loss,
    "gradient": gradient_difference,
    "ssim": dissimilarity,
}


def loss_terms(weights: Loss, prediction_B1ZX: Tensor, target_B1ZX: Tensor) -> dict[str, Tensor]:
    """The terms with a weight above 0, unweighted, and `loss`, their weighted sum."""
    terms = {name: TERMS[name](prediction_B1ZX, target_B1ZX) for name, weight in asdict(weights).items() if weight > 0}
    weighted = torch.stack([getattr(weights, name) * value for name, value in terms.items()])
    return {**terms, "loss": weighted.sum()}
