"""Losses and metrics: zero on equal images, gradients flow, SSIM is scikit-image's."""

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from trials.config import Loss
from trials.losses import TERMS, loss_terms
from trials.metrics import DATA_RANGE, scores, ssim


def images(count=3, nz=33, nx=47, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, 1, nz, nx, generator=generator) * 2 - 1


@pytest.mark.parametrize("name", TERMS)
def test_a_loss_is_zero_on_equal_images(name):
    image = images()
    assert TERMS[name](image, image.clone()).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("name", TERMS)
def test_a_loss_falls_along_its_gradient(name):
    prediction, target = images(seed=1).requires_grad_(), images(seed=2)
    before = TERMS[name](prediction, target)
    before.backward()
    with torch.no_grad():
        after = TERMS[name](prediction - 1e-3 * prediction.grad / prediction.grad.norm(), target)
    assert prediction.grad.abs().sum() > 0
    assert after < before


def test_the_loss_is_the_weighted_sum_of_its_terms():
    prediction, target = images(seed=1), images(seed=2)
    terms = loss_terms(Loss(l1=0.5, l2=0.0, ssim=2.0), prediction, target)
    assert set(terms) == {"l1", "ssim", "loss"}
    assert terms["loss"] == pytest.approx(0.5 * terms["l1"] + 2 * terms["ssim"])


def test_a_loss_needs_a_weight():
    with pytest.raises(ValueError, match="at least one loss weight"):
        Loss(l2=0, ssim=0)


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
