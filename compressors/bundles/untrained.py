"""A bundle of a network that nobody has trained: files, shapes, speed and memory are those of a real one.

For tests, and for measuring a network before it is trained."""

from pathlib import Path

import torch

from compressors.bundles.bundle import write_bundle
from datagen.config import Data
from datagen.shards.manifest import Statistics
from datagen.targets import TargetName
from search_spaces.build import build
from search_spaces.config import Network
from search_spaces.shape import Shape

STATISTICS = Statistics(shot_scale=0.1, image_scale=7.0, velocity_min=1500.0, velocity_max=4500.0)


def untrained_bundle(
    folder: Path, spec: Network, data: Data, target: TargetName = "rtm", *, name: str = "untrained"
) -> Path:
    """The folder, with the network of `spec` in it for the survey and the grid of `data`; always the same weights."""
    torch.manual_seed(0)
    shape = Shape.of(data, spec.gather_rows)
    return write_bundle(
        folder,
        build(spec, shape, STATISTICS.shot_scale),
        spec=spec,
        shape=shape,
        statistics=STATISTICS,
        target=target,
        data_recipe=data,
        scores={"ssim": 0.5},
        name=name,
    )
