"""How good an image is: SSIM (equal to scikit-image's), MAE, RMSE and PSNR on normalised images.

SSIM(a, b) = (2 μa μb + c1)(2 σab + c2) / ((μa² + μb² + c1)(σa² + σb² + c2)), Gaussian window σ = 1.5 of 11
samples, c1 = (0.01 L)², c2 = (0.03 L)² (Wang et al. 2004).  L is fixed: images lie in [-1, 1], so L = 2.
Written here because torchmetrics 1.9 pads the borders and so differs from scikit-image by up to 0.03.
"""

import torch
from torch import Tensor
from torch.nn.functional import conv2d

DATA_RANGE = 2.0
RADIUS = 5
SIGMA = 1.5


def ssim(prediction_B1ZX: Tensor, target_B1ZX: Tensor) -> Tensor:
    """Structural similarity of each image of the batch, `[B]`, averaged where the whole window fits."""
    a, b = prediction_B1ZX.float(), target_B1ZX.float()
    c1, c2 = (0.01 * DATA_RANGE) ** 2, (0.03 * DATA_RANGE) ** 2
    mean_a, mean_b, aa, bb, ab = _blur(torch.cat([a, b, a * a, b * b, a * b], dim=1)).unbind(1)
    variance_a, variance_b, covariance = aa - mean_a**2, bb - mean_b**2, ab - mean_a * mean_b
    structure = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    energy = (mean_a**2 + mean_b**2 + c1) * (variance_a + variance_b + c2)
    return (structure / energy).mean((-2, -1))


def _blur(images_BCZX: Tensor) -> Tensor:
    """Gaussian window, one axis after the other, only where it fits."""
    offsets = torch.arange(-RADIUS, RADIUS + 1, device=images_BCZX.device, dtype=images_BCZX.dtype)
    window = torch.exp(-0.5 * (offsets / SIGMA) ** 2)
    window = (window / window.sum()).expand(images_BCZX.shape[1], 1, 1, -1)
    channels = images_BCZX.shape[1]
    along_x = conv2d(images_BCZX, window, groups=channels)
    return conv2d(along_x, window.transpose(-1, -2), groups=channels)


def scores(prediction_B1ZX: Tensor, target_B1ZX: Tensor) -> dict[str, Tensor]:
    """Per-image metrics, each `[B]`; mae and rmse in units of the normalised image, psnr in dB."""
    difference = (prediction_B1ZX - target_B1ZX).float().flatten(1)
    mse = difference.square().mean(1)
    return {
        "ssim": ssim(prediction_B1ZX, target_B1ZX),
        "mae": difference.abs().mean(1),
        "rmse": mse.sqrt(),
        "psnr": 10 * (DATA_RANGE**2 / mse.clamp_min(1e-12)).log10(),
    }
