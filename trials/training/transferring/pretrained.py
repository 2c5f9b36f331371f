"""Pretrained weights for an encoder or a decoder: from photographs, from unlabelled shots, from another run.

    file ─► names and shapes that match the part's ─► copied;  an encoder's first convolution: its channels adapted

A file holds name → tensor, with the names of the part's weights or, like the weights of a run, with `encoder.` or
`decoder.` before them.
"""

import logging
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlparse

import torch
from torch import Tensor, nn

from datagen.errors import InputError
from datagen.files.regular_files import regular_file
from datagen.memory_limit import SPARE, at_most
from search_spaces.weights_file import read_tensors, require_finite

log = logging.getLogger(__name__)

Part = Literal["encoder", "decoder"]


@dataclass(frozen=True)
class Loaded:
    """Names: of the part's tensors that were `copied` and that stay `fresh`, of the file's that were `unused`."""

    copied: tuple[str, ...]
    fresh: tuple[str, ...]
    unused: tuple[str, ...]


def initialise(net: nn.Module, init: str, part: Part = "encoder") -> Loaded:
    """Loads a part of a fresh network from `Network.encoder_init` or `decoder_init`, and logs what was copied.

    Raises
    ------
    InputError
        The file is missing, cannot be downloaded or read, or none of its weights fits the part.
    """
    module = getattr(net, part)
    assert isinstance(module, nn.Module)
    if init == "scratch":
        return Loaded(copied=(), fresh=tuple(module.state_dict()), unused=())
    file = imagenet_file(str(module.imagenet_url)) if init == "imagenet" else Path(init)
    weights = read_weights(file, part)
    prefix = f"{part}."
    if any(name.startswith(prefix) for name in weights):
        weights = {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
    loaded = copy_weights(module, weights, adapt=part == "encoder")
    if not set(loaded.copied) & {name for name, _ in module.named_parameters()}:
        raise InputError(
            f"network.{part}_init: no weight of {file} fits this {part}; it has {_some(loaded.fresh)}, "
            f"the file {_some(tuple(weights))}; give a file of the same {part}"
        )
    log.log(
        logging.WARNING if loaded.fresh else logging.INFO,
        "%s: %d tensors from %s; left fresh: %s; in the file but not used: %s",
        part, len(loaded.copied), file, ", ".join(loaded.fresh) or "none", ", ".join(loaded.unused) or "none",
    )  # fmt: skip
    return loaded


@torch.no_grad()
def copy_weights(module: nn.Module, weights: Mapping[str, Tensor], *, adapt: bool = True) -> Loaded:
    """Copies tensors whose name and shape match `module`; with `adapt` its first convolution accepts any channels."""
    first = next(f"{name}.weight" for name, each in module.named_modules() if isinstance(each, nn.Conv2d))
    own = module.state_dict()
    copied = []
    for name in own.keys() & weights.keys():
        given = weights[name]
        if adapt and name == first and given.ndim == 4:
            given = adapt_channels(given, own[name].shape[1])
        if given.shape == own[name].shape:
            own[name].copy_(given)
            copied.append(name)
    return Loaded(
        copied=tuple(name for name in own if name in copied),
        fresh=tuple(name for name in own if name not in copied),
        unused=tuple(name for name in weights if name not in copied),
    )


def adapt_channels(weight_OIHW: Tensor, wanted: int) -> Tensor:
    """A convolution's weights for another number of input channels, as timm does it.

    One channel gets the sum of all; several get the given ones in turn, scaled to preserve the output's magnitude.
    """
    given = weight_OIHW.shape[1]
    if wanted == given:
        return weight_OIHW
    if wanted == 1:
        return weight_OIHW.sum(1, keepdim=True)
    return weight_OIHW[:, torch.arange(wanted) % given] * (given / wanted)


def imagenet_file(url: str) -> Path:
    """torchvision's file in torch's cache; downloaded if missing.

    Raises InputError, which says where to put it manually, when the download fails.
    """
    name = Path(urlparse(url).path).name
    file = Path(torch.hub.get_dir()) / "checkpoints" / name
    if file.exists():
        return file
    digest = name.removesuffix(".pth").rpartition("-")[2]  # torchvision writes the start of SHA-256 into the name
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(file), hash_prefix=digest, progress=sys.stderr.isatty())
    except (OSError, RuntimeError) as error:
        raise InputError(
            f"network.encoder_init: imagenet weights cannot be downloaded ({error}); get {url} on a machine with "
            f"internet and copy it to {file}, or set network.encoder_init to its path, or to scratch"
        ) from None
    return file


def read_weights(file: Path, part: Part = "encoder") -> dict[str, Tensor]:
    """Name → tensor of a `.safetensors` or a `.pth` file; never runs code of the file.

    Raises InputError for a file that is missing, holds something else, or NaN or Inf.
    """
    if not file.exists():
        raise InputError(f"network.{part}_init: got {file}, but there is no such file")
    regular_file(file)
    try:
        if file.suffix == ".safetensors":
            weights = read_tensors(file)
        else:
            with at_most(SPARE + 2 * file.stat().st_size):  # a zip archive may hold far more than its size
                weights = torch.load(file, map_location="cpu", weights_only=True)
    except Exception:  # an unpickler can raise anything
        weights = None
    if not (isinstance(weights, dict) and weights and all(isinstance(value, Tensor) for value in weights.values())):
        raise InputError(
            f"network.{part}_init: {file} is not a file of name → tensor; make one with safetensors.torch.save_file, "
            "or torch.save of a state_dict and nothing else"
        )
    require_finite(weights, file)
    # torchvision's DenseNet download still has the names of an older version.
    return {re.sub(r"\.(norm|conv)\.([12])\.", r".\1\2.", name): value for name, value in weights.items()}


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
