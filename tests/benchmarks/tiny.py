"""A data set and a network for benchmarks in miniature."""

from pathlib import Path

import torch
from bench_imaging import NETWORKS
from safetensors.torch import save_file

from datagen import make_data_set
from datagen.config import Data
from search_spaces.build import build
from search_spaces.shape import Shape
from tests.benchmarks.test_campaign import PRESET


def tiny_preset(folder: Path) -> Path:
    """The file, in the folder."""
    file = folder / "tiny.yml"
    file.write_text(PRESET)
    return file


def tiny_data_set(folder: Path) -> Data:
    """16, 8 and 8 models."""
    return make_data_set(tiny_preset(folder.parent), folder).data


def small_weights(file: Path, data: Data) -> Path:
    """Fresh ones of the small network, as bench_imaging.py leaves them."""
    torch.manual_seed(0)
    state = build(NETWORKS["small"], Shape.of(data), 0.1).state_dict()
    save_file({name: value.half().contiguous() for name, value in state.items()}, file)
    return file
