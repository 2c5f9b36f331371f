"""Losses and metrics: zero on equal images, gradients flow, SSIM is scikit-image's."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from skimage.metrics import structural_similarity

from trials.settings.config import Loss
from trials.training.losses import TERMS, loss_terms, structure_weight
from trials.training.metrics import DATA_RANGE, ms_ssim, scores, ssim


def images(count=3, nz=33, nx=47, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, 1, nz, nx, generator=generator) * 2 - 1


@pytest.mark.parametrize("name", TERMS)
def test_a_loss_is_zero_on_equal_images(name):
    image = images()
    assert TERMS[name](image, image.clone()).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("name", TERMS)
def test_a_loss_falls_along_its_gradient(name):
    target = images(seed=2)
    prediction = (0.5 * target + 0.5 * images(seed=1)).requires_grad_()
    before = TERMS[name](prediction, target)
    before.backward()
    with torch.no_grad():
        after = TERMS[name](prediction - 1e-3 * prediction.grad / prediction.grad.norm(), target)
    assert prediction.grad.isfinite().all()
    assert prediction.grad.abs().sum() > 0
    assert after < before


@pytest.mark.parametrize("name", ["ssim", "ms_ssim"])
def test_mixed_precision_leaves_similarity_whole(name):
    """Blurred in bfloat16, layers of one velocity far from zero have variances of any sign."""
    target = torch.full((1, 1, 33, 47), 0.7)
    prediction = target + 0.01 * images(1)
    whole = TERMS[name](prediction, target)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert TERMS[name](prediction, target) == pytest.approx(whole.item(), abs=1e-6)


def test_the_loss_is_the_weighted_sum_of_its_terms():
    prediction, target = images(seed=1), images(seed=2)
    terms = loss_terms(Loss(l1=0.5, l2=0.0, ssim=2.0), prediction, target)
    assert set(terms) == {"l1", "ssim", "loss"}
    assert terms["loss"] == pytest.approx(0.5 * terms["l1"] + 2 * terms["ssim"])


def test_a_loss_needs_a_weight():
    with pytest.raises(ValueError, match="at least one loss weight"):
        Loss(l2=0, ssim=0)


def test_the_teacher_is_imitated_beside_the_target():
    prediction, target, teacher = images(seed=1), images(seed=2), images(seed=3)
    terms = loss_terms(Loss(ssim=0, distil=0.5), prediction, target, teacher)
    assert terms["distil"] == pytest.approx((prediction - teacher).square().mean().item())
    assert terms["loss"] == pytest.approx(terms["l2"] + 0.5 * terms["distil"])
    assert "distil" not in loss_terms(Loss(distil=0.5), prediction, target)


def test_structure_weighs_more_and_the_mean_weight_is_one():
    target = torch.zeros(2, 1, 32, 32)
    target[0, :, 16:] = 1.0
    weight = structure_weight(target)
    assert weight.mean((1, 2, 3)).tolist() == pytest.approx([1, 1])
    assert (weight[0, 0, 15:17] > 5 * weight[0, 0, :10].max()).all()
    assert weight.min() > 0


def test_geology_weighting_is_plain_l1_on_a_constant_target():
    prediction, target = images(seed=1), torch.full((3, 1, 33, 47), 0.3)
    assert TERMS["geology"](prediction, target).item() == pytest.approx(TERMS["l1"](prediction, target).item())


def test_an_error_at_an_interface_costs_more_than_the_same_error_elsewhere():
    target = torch.zeros(1, 1, 32, 32)
    target[:, :, 16:] = 1.0
    error = torch.zeros_like(target)
    error[:, :, 15:17] = 0.1
    at_interface, elsewhere = (TERMS["geology"](target + error.roll(shift, 2), target) for shift in (0, 8))
    assert at_interface > 5 * elsewhere


def similarity(a, b):
    """SSIM and its contrast-structure part as Wang et al. write them, where the window fits."""

    def mean(image):
        return gaussian_filter(image, 1.5, truncate=3.5)[5:-5, 5:-5]

    c1, c2 = (0.01 * DATA_RANGE) ** 2, (0.03 * DATA_RANGE) ** 2
    variance_a, variance_b = mean(a * a) - mean(a) ** 2, mean(b * b) - mean(b) ** 2
    contrast = (2 * (mean(a * b) - mean(a) * mean(b)) + c2) / (variance_a + variance_b + c2)
    luminance = (2 * mean(a) * mean(b) + c1) / (mean(a) ** 2 + mean(b) ** 2 + c1)
    return (luminance * contrast).mean(), contrast.mean()


@pytest.mark.parametrize(("nz", "nx", "scales"), [(24, 20, 1), (33, 47, 2), (64, 64, 3), (70, 70, 3), (176, 180, 5)])
def test_ms_ssim_is_its_definition_on_as_many_scales_as_the_window_fits_into(nz, nx, scales):
    smooth = torch.nn.functional.interpolate(images(1, nz // 4, nx // 4, seed=3), size=(nz, nx), mode="bilinear")
    target, prediction = smooth, smooth + 0.1 * images(1, nz, nx, seed=4)
    weights = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333][:scales])
    a, b = (image[0, 0].numpy().astype(np.float64) for image in (prediction, target))
    expected = 1.0
    for scale, weight in enumerate(weights / weights.sum()):
        whole, contrast = similarity(a, b)
        expected *= (whole if scale == scales - 1 else contrast) ** weight
        a, b = (
            image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2]
            .reshape(image.shape[0] // 2, 2, image.shape[1] // 2, 2)
            .mean((1, 3))
            for image in (a, b)
        )
    assert ms_ssim(prediction, target).item() == pytest.approx(expected, abs=1e-4)


def test_ms_ssim_of_opposite_images_has_a_finite_gradient():
    target = images(seed=3)
    prediction = (-target).requires_grad_()
    TERMS["ms_ssim"](prediction, target).backward()
    assert prediction.grad.isfinite().all()


@pytest.mark.parametrize("noise", [0.0, 0.05, 0.5])
def test_ssim_equals_scikit_image(noise):
    target = images(seed=3)
    prediction = (target + noise * images(seed=4)).clamp(-1, 1)
    ours = ssim(prediction, target)
    theirs = [
        structural_similarity(
            a[0].numpy().astype(np.float64),
            b[0].numpy().astype(np.float64),
            data_range=DATA_RANGE,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
        for a, b in zip(prediction, target, strict=True)
    ]
    assert ours.tolist() == pytest.approx(theirs, abs=1e-4)


def test_metrics_of_a_known_error():
    target = torch.zeros(2, 1, 16, 16)
    found = scores(target + 0.1, target)
    assert found["mae"].tolist() == pytest.approx([0.1, 0.1])
    assert found["rmse"].tolist() == pytest.approx([0.1, 0.1])
    assert found["psnr"].tolist() == pytest.approx([10 * np.log10(4 / 0.01)] * 2, rel=1e-4)
