"""Perceptual loss: its features, and what is told when they cannot be had."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch.nn.functional import conv2d
from torchvision.models import vgg16, vgg19

from datagen.errors import InputError
from trials.settings.config import Loss
from trials.training.losses import loss_terms
from trials.training.perceptual import VGG, VggFeatures, frozen, load_features, perceptual

ROOT = Path(__file__).parents[3]
FILE = ROOT.parent / "shared/data/vgg16_features.safetensors"


def random_features(kind="vgg16"):
    torch.manual_seed(0)
    return frozen(VggFeatures(VGG[kind]))


def layered(count=2, size=48, seed=0):
    """Images of horizontal layers in [-1, 1]."""
    rows = torch.rand(count, 1, size // 4, 1, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    return rows.repeat_interleave(4, dim=2).expand(-1, -1, -1, size).contiguous()


def blurred(image, sigma):
    offsets = torch.arange(-9, 10, dtype=image.dtype)
    window = torch.exp(-0.5 * (offsets / sigma) ** 2)
    window = (window / window.sum()).view(1, 1, -1, 1)
    return conv2d(torch.nn.functional.pad(image, (0, 0, 9, 9), mode="replicate"), window)


@pytest.mark.parametrize("kind", ["vgg16", "vgg19"])
def test_the_feature_maps_halve_from_layer_to_layer(kind):
    maps = random_features(kind)(layered(size=48))
    assert [tuple(each.shape[1:]) for each in maps] == [(64, 48, 48), (128, 24, 24), (256, 12, 12), (512, 6, 6)]
    assert all((each >= 0).all() for each in maps)


@pytest.mark.parametrize(("kind", "model"), [("vgg16", vgg16), ("vgg19", vgg19)])
def test_the_trunk_is_the_beginning_of_torchvisions_network(kind, model):
    with torch.device("meta"):
        whole = dict(model(weights=None).named_parameters())
    parts = dict(VggFeatures(VGG[kind]).named_parameters())
    assert list(parts) == [name for name in whole if name in parts]
    assert all(parts[name].shape == whole[name].shape for name in parts)
    assert list(parts)[-1] == f"features.{VGG[kind].taps[-1] - 1}.bias"


@pytest.mark.parametrize("kind", ["vgg16", "vgg19"])
def test_the_distance_is_zero_on_equal_images_and_falls_as_the_blur_does(kind):
    features, sharp = random_features(kind), layered()
    assert perceptual(features, sharp, sharp.clone()) == 0
    distances = [perceptual(features, blurred(sharp, sigma), sharp).item() for sigma in (4.0, 2.0, 1.0, 0.5)]
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] > 0


def test_a_step_along_the_gradient_makes_the_distance_smaller_and_leaves_the_features_alone():
    torch.manual_seed(0)
    trunk = VggFeatures(VGG["vgg16"])
    features, target = frozen(trunk), layered(seed=1)
    prediction = layered(seed=2).requires_grad_()
    before = perceptual(features, prediction, target)
    before.backward()
    assert prediction.grad.isfinite().all()
    assert perceptual(features, prediction.detach() - 1e-2 * prediction.grad / prediction.grad.norm(), target) < before
    assert all(parameter.grad is None for parameter in trunk.parameters())


def test_any_trunk_with_a_list_of_feature_maps_will_do():
    class Trunk(torch.nn.Module):
        def forward(self, image):
            return [image, 2 * image]

    target = layered()
    assert perceptual(frozen(Trunk()), 0.5 * target, target).item() == pytest.approx(0.25)


def test_weights_are_read_from_a_file(tmp_path):
    torch.manual_seed(3)
    trunk = VggFeatures(VGG["vgg16"])
    file = tmp_path / "vgg16.safetensors"
    save_file(trunk.state_dict(), file)
    image = layered()
    for ours, theirs in zip(load_features("vgg16", str(file))(image), frozen(trunk)(image), strict=True):
        torch.testing.assert_close(ours, theirs)
    loss = Loss(l2=0, ssim=0, perceptual=0.5, perceptual_weights=str(file))
    terms = loss_terms(loss, blurred(image, 1.0), image)
    assert set(terms) == {"perceptual", "loss"}
    assert terms["loss"] == pytest.approx(0.5 * terms["perceptual"])


def test_a_file_that_cannot_serve_is_refused(tmp_path):
    with pytest.raises(InputError, match="is not a file"):
        load_features("vgg16", str(tmp_path / "none.safetensors"))
    (tmp_path / "text.safetensors").write_text("weights")
    with pytest.raises(InputError, match="not a safetensors file"):
        load_features("vgg16", str(tmp_path / "text.safetensors"))
    state = VggFeatures(VGG["vgg16"]).state_dict()
    save_file({**state, "features.0.weight": torch.zeros(64, 1, 3, 3)}, tmp_path / "grey.safetensors")
    with pytest.raises(InputError, match=r"features.0.weight has shape \(64, 1, 3, 3\)"):
        load_features("vgg16", str(tmp_path / "grey.safetensors"))
    with pytest.raises(InputError, match=r"features\.\d+\.\w+ is missing"):
        load_features("vgg19", str(tmp_path / "grey.safetensors"))


def test_without_internet_the_error_tells_what_to_do(monkeypatch):
    def no_connection(*_, **__):
        raise OSError("<urlopen error no route>")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", no_connection)
    with pytest.raises(InputError, match="no route") as refused:
        load_features("vgg19", None)
    for remedy in ("loss.perceptual_weights", "vgg19-dcbb9e9d.pth", "checkpoints", "safetensors"):
        assert remedy in str(refused.value)


def test_what_torchvision_downloads_is_unpickled_without_code_and_checked(monkeypatch):
    asked = {}

    def download(url, **options):
        asked.update(options, url=url)
        return VggFeatures(VGG["vgg19"]).state_dict() | {"classifier.0.weight": torch.zeros(1)}

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", download)
    load_features.cache_clear()
    assert len(load_features("vgg19", None)(layered())) == 4
    load_features.cache_clear()
    assert asked["weights_only"]
    assert asked["check_hash"]


def test_features_of_a_gan_need_one():
    with pytest.raises(InputError, match=r"set loss\.perceptual_weights"):
        load_features("gan", None)


@pytest.mark.skipif(not FILE.is_file(), reason="the weights of VGG16 are not here")
def test_trained_features_tell_structure_from_contrast():
    """The published weights see a shifted layer more clearly than as large an error of brightness."""
    features, target = load_features("vgg16", str(FILE)), 0.5 * layered(4, seed=5)
    assert perceptual(features, target, target.clone()) == 0
    shifted = target.roll(2, dims=2)
    brighter = target + (shifted - target).square().mean().sqrt()
    assert perceptual(features, shifted, target) > 2 * perceptual(features, brighter, target)
    distances = [perceptual(features, blurred(target, sigma), target).item() for sigma in (4.0, 2.0, 1.0, 0.5)]
    assert distances == sorted(distances, reverse=True)
