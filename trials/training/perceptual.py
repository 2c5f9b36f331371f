"""Perceptual loss: the distance of two images in the features of a trained network.

    image ─► [0, 1] ─► three channels ─► VGG ─┬─ relu1_2 ─┬─ relu2_2 ─┬─ relu3_3 ─┬─ relu4_3
                                              φ₁          φ₂          φ₃          φ₄

    ℓ(p, t) = ¼ Σⱼ ‖φⱼ(p) − φⱼ(t)‖² / ‖φⱼ(t)‖²

Layers and equation 2 of Johnson et al. 2016 (arXiv 1603.08155).  They divide by the number of values; here by their
energy, so that each layer weighs the same whatever the scale of its activations.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import VGG16_Weights, VGG19_Weights
from torchvision.models.vgg import cfgs, make_layers

from datagen.errors import InputError
from search_spaces.weights_file import read_tensors, require_finite
from trials.settings.config import FeatureKind
from trials.training.metrics import DATA_RANGE
from trials.training.transferring.discriminator_features import DiscriminatorFeatures

Features = Callable[[Tensor], list[Tensor]]
"""Image `[B, 1, Z, X]` in [-1, 1] → feature maps, from fine to coarse."""


@dataclass(frozen=True)
class Vgg:
    """One of the VGG networks (Simonyan & Zisserman 2015) and the weights that torchvision publishes for it."""

    layers: str  # torchvision's name of the configuration
    taps: tuple[int, ...]  # indices of relu1_2, relu2_2, relu3_3, relu4_3; later layers are not built
    weights: VGG16_Weights | VGG19_Weights
    mean: tuple[float, float, float]  # red, green, blue of an image in [0, 1]
    std: tuple[float, float, float]


VGG = {
    "vgg16": Vgg(
        layers="D",
        taps=(3, 8, 15, 22),
        weights=VGG16_Weights.IMAGENET1K_FEATURES,  # the Caffe ones, made for features
        mean=(0.48235, 0.45882, 0.40784),
        std=(1 / 255, 1 / 255, 1 / 255),
    ),
    "vgg19": Vgg(
        layers="E",
        taps=(3, 8, 15, 24),
        weights=VGG19_Weights.IMAGENET1K_V1,
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
    ),
}


class VggFeatures(nn.Module):
    """The trunk of a VGG up to relu4_3, with random weights: grey image in [-1, 1] → four feature maps."""

    mean: Tensor
    std: Tensor

    def __init__(self, vgg: Vgg) -> None:
        super().__init__()
        self.taps = vgg.taps
        self.features = make_layers(cfgs[vgg.layers])[: vgg.taps[-1] + 1]
        self.register_buffer("mean", torch.tensor(vgg.mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(vgg.std).view(3, 1, 1), persistent=False)

    def forward(self, image_B1ZX: Tensor) -> list[Tensor]:
        x = ((image_B1ZX / DATA_RANGE + 0.5) - self.mean) / self.std  # three channels by broadcasting
        x, maps = x.contiguous(memory_format=torch.channels_last), []
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in self.taps:
                maps.append(x)
        return maps


def frozen(trunk: nn.Module) -> Features:
    """A trained trunk, image in [-1, 1] → list of feature maps, as features: never trained, on the image's device.

    It is kept in a closure, where Lightning does not find it: it belongs to no checkpoint and no average.
    """
    trunk.requires_grad_(False).eval().to(memory_format=torch.channels_last)

    def features(image_B1ZX: Tensor) -> list[Tensor]:
        maps: list[Tensor] = trunk.to(image_B1ZX.device)(image_B1ZX)
        return maps

    return features


def perceptual(features: Features, prediction_B1ZX: Tensor, target_B1ZX: Tensor) -> Tensor:
    """Mean over the feature maps of their squared distance relative to the target's energy; 0 on equal images."""
    with torch.no_grad():
        wanted = features(target_B1ZX)
    pairs = zip(features(prediction_B1ZX), wanted, strict=True)
    distances = [functional.mse_loss(p.float(), t.float()) / t.float().square().mean() for p, t in pairs]
    return torch.stack(distances).mean()


@cache
def load_features(kind: FeatureKind, file: str | None) -> Features:
    """Features of `kind` with weights from `file` (safetensors), or of torchvision's VGG; loaded once per process.

    Raises
    ------
    InputError
        The file is missing or not of this network, the download failed, or the features of a GAN were requested
        without a file.
    """
    if kind == "gan":
        if file is None:
            raise InputError(
                "loss.perceptual_features: got gan without a file; set loss.perceptual_weights to the "
                "encoder.safetensors of `seisnas pretrain`, kind gan"
            )
        return frozen(DiscriminatorFeatures(file))
    trunk = VggFeatures(VGG[kind])
    names = list(trunk.state_dict())
    weights = _downloaded(kind, names) if file is None else _read(file, kind, names)
    for name, parameter in trunk.state_dict().items():
        if weights[name].shape != parameter.shape:
            raise InputError(
                f"loss.perceptual_weights {file}: {name} has shape {tuple(weights[name].shape)}, "
                f"{kind} has {tuple(parameter.shape)} there; change loss.perceptual_weights or loss.perceptual_features"
            )
    trunk.load_state_dict(weights)
    return frozen(trunk)


def _read(file: str, kind: str, names: list[str]) -> dict[str, Tensor]:
    if not Path(file).is_file():
        raise InputError(f"loss.perceptual_weights: {file} is not a file; give the weights of {kind} as safetensors")
    try:
        stored = read_tensors(Path(file))
    except InputError as error:
        raise InputError(f"loss.perceptual_weights {error}") from None
    missing = sorted(set(names) - set(stored))
    if missing:
        raise InputError(
            f"loss.perceptual_weights {file}: {missing[0]} is missing; "
            f"{kind} needs the keys of torchvision's model, features.0.weight to {names[-1]}"
        )
    require_finite(stored, Path(file))
    return {name: stored[name] for name in names}


def _downloaded(kind: str, names: list[str]) -> dict[str, Tensor]:
    published = VGG[kind].weights
    try:
        state = published.get_state_dict(progress=False, check_hash=True, weights_only=True)
    except (OSError, RuntimeError) as error:  # no connection; a broken download
        raise InputError(
            f"loss.perceptual: the weights of {kind} could not be downloaded: {error}\n"
            f"  Without internet, fetch {published.url} on another machine and put it into "
            f"{torch.hub.get_dir()}/checkpoints; or set loss.perceptual_weights to a safetensors file of them "
            f"(keys features.0.weight to {names[-1]}); or set loss.perceptual to 0"
        ) from None
    return {name: state[name] for name in names}
