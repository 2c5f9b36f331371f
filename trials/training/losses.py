"""The training loss: a weighted sum of terms, each logged separately.

l1       = mean |p − t|                        gradient   = mean |∂z(p − t)| + mean |∂x(p − t)|
l2       = mean (p − t)²                       ssim       = 1 − SSIM(p, t)
geology  = mean w(t) |p − t|,  mean w = 1      ms_ssim    = 1 − MS-SSIM(p, t)
distil   = mean (p − teacher's image)²         perceptual = distance of the features of p and t (perceptual.py)
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from trials.settings.config import Loss
from trials.training.metrics import ms_ssim, ssim
from trials.training.perceptual import load_features, perceptual

STRUCTURE_SHARE = 0.5  # of the weight of `geology` that goes to structure in the image


def structure_weight(target_B1ZX: Tensor) -> Tensor:
    """Weight of each pixel by the structure around it, mean 1 in every image, `[B, 1, Z, X]`.

    w = (1 − s) + s |∇t| / mean |∇t|: reflectors, layer boundaries and the flanks of salt weigh more, and no pixel
    weighs nothing.  For a constant image w = 1.
    """
    slope_z, slope_x = torch.gradient(target_B1ZX, dim=(-2, -1))
    steepness = (slope_z.square() + slope_x.square()).sqrt()
    mean_B111 = steepness.mean((-2, -1), keepdim=True)
    relative = torch.where(mean_B111 > 0, steepness / mean_B111, 1.0)
    return (1 - STRUCTURE_SHARE) + STRUCTURE_SHARE * relative


def geology_difference(prediction_B1ZX: Tensor, target_B1ZX: Tensor) -> Tensor:
    """Mean absolute difference, weighted by the structure of the target."""
    return (structure_weight(target_B1ZX) * (prediction_B1ZX - target_B1ZX).abs()).mean()


def gradient_difference(prediction_B1ZX: Tensor, target_B1ZX: Tensor) -> Tensor:
    """Mean absolute difference of the first differences along depth and distance (Mathieu et al. 2016)."""
    difference = prediction_B1ZX - target_B1ZX
    return difference.diff(dim=-2).abs().mean() + difference.diff(dim=-1).abs().mean()


def dissimilarity(prediction_B1ZX: Tensor, target_B1ZX: Tensor) -> Tensor:
    return 1 - ssim(prediction_B1ZX, target_B1ZX).mean()


def multiscale_dissimilarity(prediction_B1ZX: Tensor, target_B1ZX: Tensor) -> Tensor:
    return 1 - ms_ssim(prediction_B1ZX, target_B1ZX).mean()


TERMS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "l1": functional.l1_loss,
    "l2": functional.mse_loss,
    "geology": geology_difference,
    "gradient": gradient_difference,
    "ssim": dissimilarity,
    "ms_ssim": multiscale_dissimilarity,
}
"""The terms that need nothing but prediction and target."""


def loss_terms(
    weights: Loss, prediction_B1ZX: Tensor, target_B1ZX: Tensor, teacher_B1ZX: Tensor | None = None
) -> dict[str, Tensor]:
    """The terms with a weight above 0, unweighted, and `loss`, their weighted sum.

    `distil` exists only with a teacher, which the search has not.
    Raises InputError when the features of `perceptual` cannot be read.
    """
    prediction_B1ZX = prediction_B1ZX.float()  # under mixed precision
    terms = {name: term(prediction_B1ZX, target_B1ZX) for name, term in TERMS.items() if getattr(weights, name) > 0}
    if weights.perceptual > 0:
        features = load_features(weights.perceptual_features, weights.perceptual_weights)
        terms["perceptual"] = perceptual(features, prediction_B1ZX, target_B1ZX)
    if weights.distil > 0 and teacher_B1ZX is not None:
        terms["distil"] = functional.mse_loss(prediction_B1ZX, teacher_B1ZX.float())
    weighted = torch.stack([getattr(weights, name) * value for name, value in terms.items()])
    return {**terms, "loss": weighted.sum()}
