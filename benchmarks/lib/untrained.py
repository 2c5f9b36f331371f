"""A bundle of a network nobody has trained: weights change neither speed nor memory."""

from pathlib import Path

from compressors.bundles.bundle import write_bundle
from datagen.config import Data
from datagen.shards.manifest import Statistics
from search_spaces.build import build
from search_spaces.config import Network
from search_spaces.shape import Shape

STATISTICS = Statistics(shot_scale=0.05, image_scale=1.0, velocity_min=1500.0, velocity_max=4500.0)


def untrained_bundle(folder: Path, spec: Network, data: Data, name: str = "untrained") -> Path:
    """The folder, with the network in it for the survey of `data`."""
    shape = Shape.of(data)
    return write_bundle(
        folder,
        build(spec, shape, STATISTICS.shot_scale),
        spec=spec,
        shape=shape,
        statistics=STATISTICS,
        target="rtm",
        data_recipe=data,
        scores={},
        name=name,
    )
