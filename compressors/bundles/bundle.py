"""Bundles: a finished network as a folder that runs where neither NNI nor Devito is installed.

network ─► name.tmp/ ─ all files, then their checksums ─► renamed to name/
name/   ─► checksums, names and shapes checked ─► network
"""

import copy
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import jinja2
import torch
from safetensors.torch import save
from torch import nn

from compressors.bundles.contents import (
    CARD,
    CELLS,
    CONFIG,
    GENOTYPE,
    ONNX,
    PACKED,
    PICTURE,
    WEIGHTS,
    Contents,
    read_contents,
    to_yaml,
)
from compressors.bundles.packed import pack, rounded, unpack
from compressors.bundles.ready_made import find_bundle
from compressors.bundles.seal import SEAL, inside, is_sealed, seal
from compressors.graphs.onnx_graph import export_onnx
from compressors.outputs import OUTPUTS
from datagen.config import Data
from datagen.errors import InputError
from datagen.files.whole_files import temporary_path
from datagen.memory_limit import SPARE, at_most
from datagen.shards.manifest import Statistics
from datagen.targets import TargetName
from search_spaces.build import build, count_parameters, nonzero_parameters
from search_spaces.config import Network
from search_spaces.genotype import Genotype
from search_spaces.shape import Shape
from search_spaces.weights_file import load_into, read_tensors

PREPARED = 8  # memory a network may take while it is built, as a multiple of its weights


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A loaded bundle: `network` returns the normalised image, `deployed` the one in physical units."""

    folder: Path
    contents: Contents
    network: nn.Module

    @property
    def deployed(self) -> nn.Module:
        contents = self.contents
        return OUTPUTS[contents.target].deployed(self.network, contents.statistics, contents.shape).eval()


def write_bundle(
    folder: str | Path,
    network: nn.Module,
    *,
    spec: Network,
    shape: Shape,
    statistics: Statistics,
    target: TargetName,
    data_recipe: Data,
    scores: Mapping[str, float],
    name: str,
    picture: Path | None = None,
    scores_by_seed: Mapping[str, Sequence[float]] | None = None,
    small: bool = False,
    notes: Sequence[str] = (),
) -> Path:
    """Writes everything needed to use `network` elsewhere, and returns the folder.

    `scores` are on the test split, `scores_by_seed` the same for all seeds of this training (this one included),
    `picture` is a PNG for the model card, `notes` are sentences for it.  An existing bundle is replaced once the new
    one is complete.  `small`: the weights are rounded to 8 bits; the scores should be those of `in_8_bits(network)`.

    Raises
    ------
    InputError
        `folder` exists and is not a bundle.
    """
    folder = Path(folder)
    refuse_to_replace(folder)
    contents = Contents(
        name=name,
        target=target,
        network=spec,
        shape=shape,
        statistics=statistics,
        data=data_recipe,
        scores=dict(scores),
        scores_by_seed={name: list(values) for name, values in (scores_by_seed or {}).items()},
        made_with={package: version(package) for package in ("seisnas", "torch")},
        notes=list(notes),
    )
    part = temporary_path(folder)
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        _fill(part, in_8_bits(network) if small else network, contents, picture, small=small)
        _swap(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def load_bundle(folder: str | Path) -> Bundle:
    """Loads the torch network of a bundle, on the CPU and in evaluation mode.  Needs neither NNI nor Devito.

    `folder` may be the name of a ready-made bundle.

    Raises
    ------
    InputError
        As `read_contents` and `read_tensors`; or the weights do not fit the network, or it is far larger than they.
    """
    folder = find_bundle(folder)
    contents = read_contents(folder)
    weights = read_tensors(inside(folder, WEIGHTS)) if is_sealed(folder, WEIGHTS) else None
    if weights is not None:
        needed = PREPARED * sum(tensor.nbytes for tensor in weights.values())
    else:  # zeros pack into nothing, but the graph has a byte for each weight
        needed = PREPARED * torch.float32.itemsize * inside(folder, ONNX).stat().st_size
    try:
        with at_most(SPARE // 2 + needed):
            network = build(contents.network, contents.shape, contents.statistics.shot_scale)
    except (MemoryError, RuntimeError) as error:
        raise InputError(
            f"{folder / CONFIG}: its network cannot be built in the memory that its weights suggest: {error}"
        ) from None
    if weights is not None:
        load_into(network, weights, folder / WEIGHTS, CONFIG)
    else:
        network.load_state_dict(unpack(inside(folder, PACKED), network.state_dict()))
    return Bundle(folder=folder, contents=contents, network=network.eval())


def in_8_bits(network: nn.Module) -> nn.Module:
    """A copy whose weights are rounded as a small bundle holds them (packed.py)."""
    copied = copy.deepcopy(network).cpu()
    copied.load_state_dict(rounded(network.state_dict(), "int8"))
    return copied


def _fill(part: Path, network: nn.Module, contents: Contents, picture: Path | None, *, small: bool) -> None:
    state = {key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()}
    if not small:
        (part / WEIGHTS).write_bytes(save(state))
    pack(state, part / PACKED, "int8" if small else "float32")
    if contents.network.genotype is not None:
        (part / GENOTYPE).write_text(contents.network.genotype.to_json(), encoding="utf-8")
        _draw_cells(contents.network.genotype, part / CELLS)
    (part / CONFIG).write_text(to_yaml(contents), encoding="utf-8")
    whole = OUTPUTS[contents.target].deployed(network, contents.statistics, contents.shape)
    export_onnx(whole, contents.shape, part / ONNX, small=small)
    if picture is not None:
        shutil.copyfile(picture, part / PICTURE)
    (part / CARD).write_text(_card(part, network, contents), encoding="utf-8")
    seal(part)


def _draw_cells(genotype: Genotype, file: Path) -> None:
    from search_spaces.draw import picture  # noqa: PLC0415  matplotlib, which loading does without

    picture(genotype).savefig(file, dpi=72, facecolor="white")


def _card(part: Path, network: nn.Module, contents: Contents) -> str:
    template = Path(__file__).with_name(OUTPUTS[contents.target].card).read_text(encoding="utf-8")
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=as_text,
    )
    return environment.from_string(template).render(
        bundle=contents,
        spread={
            name: f"{fmean(values):.4g} ± {stdev(values):.2g}"
            for name, values in contents.scores_by_seed.items()
            if len(values) > 1
        },
        parameters=count_parameters(network),
        nonzero=nonzero_parameters(network),
        sizes={name: (part / name).stat().st_size for name in (ONNX, WEIGHTS, PACKED) if (part / name).exists()},
        picture=PICTURE if (part / PICTURE).exists() else None,
        cells=CELLS if (part / CELLS).exists() else None,
    )


def as_text(value: Any) -> Any:
    """A text that Markdown shows literally: no HTML, no links, no images, no second line."""
    if not isinstance(value, str):
        return value
    flat = "".join(letter if letter.isprintable() else " " for letter in value)
    # An underscore within a word, as in hit_5, is one in Markdown too.
    return re.sub(r"[\\`*\[\]<>|!#~&$]|(?<!\w)_|_(?!\w)", r"\\\g<0>", flat)


def refuse_to_replace(folder: Path) -> None:
    """Raises InputError: the folder exists and is not a bundle."""
    if folder.is_dir() and any(folder.iterdir()) and not (folder / SEAL).exists():
        raise InputError(f"{folder}: exists and is not a bundle (no {SEAL}); choose another output folder")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: exists and is not a folder; choose another output folder")


def _swap(part: Path, folder: Path) -> None:
    """Replaces `folder` with `part`; if that fails, the old folder stays."""
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        os.rename(folder, old)
    try:
        os.rename(part, folder)
    except OSError:
        if old.exists():
            os.rename(old, folder)
        raise
    shutil.rmtree(old, ignore_errors=True)
