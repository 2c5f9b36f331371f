"""How good an image is: SSIM (equal to scikit-image's), MS-SSIM, MAE, RMSE, PSNR, correlation of normalised images.

SSIM(a, b) = l · cs,    l = (2 μa μb + c1) / (μa² + μb² + c1),    cs = (2 σab + c2) / (σa² + σb² + c2)

Gaussian window σ = 1.5 of 11 samples, c1 = (0.01 L)², c2 = (0.03 L)² (Wang et al. 2004).  L is fixed: images lie
in [-1, 1], so L = 2.
Written here because torchmetrics 1.9 pads the borders and so differs from scikit-image by up to 0.03.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

DATA_RANGE = 2.0
RADIUS = 5
SIGMA = 1.5
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Of MS-SSIM, from the finest scale to the coarsest (Wang et al. 2003, table 1)."""

SIMILARITY_FLOOR = 1e-3  # of a factor of MS-SSIM: below it the power has no useful gradient, below 0 none at all


def ssim(prediction_B1ZX: Tensor, target_B1ZX: Tensor) -> Tensor:
    """Structural similarity of each image of the batch, `[B]`, averaged wherever the whole window fits."""
    return _similarity(prediction_B1ZX, target_B1ZX)[0]


def ms_ssim(prediction_B1ZX: Tensor, target_B1ZX: Tensor) -> Tensor:
    """Multi-scale SSIM of each image of the batch, `[B]`: Π_j cs_j^w_j · SSIM_M^w_M over M scales of 2 × 2 means.

    Wang et al. 2003 use 5 scales.  Here only those that fit the whole window: 3 for 64 × 64 and 70 × 70, 5 from
    176 × 176, with their weights scaled to a sum of 1; below 22 × 22 it is the SSIM.
    """
    a, b = prediction_B1ZX.float(), target_B1ZX.float()
    weights = SCALE_WEIGHTS[: _scales(*a.shape[-2:])]
    product_B = torch.ones(len(a), device=a.device)
    for scale, weight in enumerate(weights, start=1):
        whole_B, contrast_B = _similarity(a, b)
        factor_B = whole_B if scale == len(weights) else contrast_B
        product_B = product_B * factor_B.clamp_min(SIMILARITY_FLOOR) ** (weight / sum(weights))
        a, b = avg_pool2d(a, 2), avg_pool2d(b, 2)
    return product_B


def _scales(nz: int, nx: int) -> int:
    """Number of scales, at most 5, of which the coarsest still has room for the window."""
    window = 2 * RADIUS + 1
    return max(1, sum(min(nz, nx) >> scale >= window for scale in range(len(SCALE_WEIGHTS))))


def _similarity(prediction_B1ZX: Tensor, target_B1ZX: Tensor) -> tuple[Tensor, Tensor]:
    """SSIM and its contrast-structure part cs, each `[B]`."""
    a, b = prediction_B1ZX.float(), target_B1ZX.float()
    c1, c2 = (0.01 * DATA_RANGE) ** 2, (0.03 * DATA_RANGE) ** 2
    with torch.autocast(a.device.type, enabled=False):  # a variance is the small difference of two blurred images
        mean_a, mean_b, aa, bb, ab = _blur(torch.cat([a, b, a * a, b * b, a * b], dim=1)).unbind(1)
    variance_a, variance_b, covariance = aa - mean_a**2, bb - mean_b**2, ab - mean_a * mean_b
    contrast = (2 * covariance + c2) / (variance_a + variance_b + c2)
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    return (luminance * contrast).mean((-2, -1)), contrast.mean((-2, -1))


def _blur(images_BCZX: Tensor) -> Tensor:
    """Gaussian window, one axis after the other, only where it fits.

    As products of matrices, ten times as fast on CPUs as convolutions, whose gradient is slow for a few channels.
    """
    nz, nx = images_BCZX.shape[-2:]
    return _windows(nz, images_BCZX) @ images_BCZX @ _windows(nx, images_BCZX).T


def _windows(size: int, like: Tensor) -> Tensor:
    """A row for each place of the window, `[size − 2 RADIUS, size]`."""
    place = torch.arange(size, device=like.device, dtype=like.dtype)
    offsets = place - (place[: size - 2 * RADIUS, None] + RADIUS)
    window = torch.where(offsets.abs() <= RADIUS, torch.exp(-0.5 * (offsets / SIGMA) ** 2), 0.0)
    return window / window.sum(1, keepdim=True)


def scores(prediction_B1ZX: Tensor, target_B1ZX: Tensor) -> dict[str, Tensor]:
    """Per-image metrics, each `[B]`; mae and rmse in units of the normalised image, psnr in dB."""
    difference = (prediction_B1ZX - target_B1ZX).float().flatten(1)
    mse = difference.square().mean(1)
    return {
        "ssim": ssim(prediction_B1ZX, target_B1ZX),
        "mae": difference.abs().mean(1),
        "rmse": mse.sqrt(),
        "psnr": 10 * (DATA_RANGE**2 / mse.clamp_min(1e-12)).log10(),
        "correlation": correlation(prediction_B1ZX, target_B1ZX),
    }


def blank_ssim(score: Callable[[Tensor, Tensor], dict[str, Tensor]], target_BCZX: Tensor) -> dict[str, Tensor]:
    """The SSIM of images of zeros, each `[B]`; as `score` names it, but blank_ssim."""
    blank = score(torch.zeros_like(target_BCZX), target_BCZX)
    return {name.replace("ssim", "blank_ssim"): value for name, value in blank.items() if name.endswith("ssim")}


def correlation(prediction_B1ZX: Tensor, target_B1ZX: Tensor) -> Tensor:
    """Pearson's, of each pair of images, `[B]`; 0 with a constant image."""
    a, b = (each.float().flatten(1) for each in (prediction_B1ZX, target_B1ZX))
    return torch.cosine_similarity(a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True))
