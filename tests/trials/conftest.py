import socket
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import TypeAdapter

from compressors.bundles.bundle import write_bundle
from datagen.config import Data, Grid, Split, Survey
from datagen.generate import generate
from datagen.shards.manifest import Statistics
from search_spaces.build import build
from search_spaces.config import Network, Stack
from search_spaces.shape import Shape


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Settings of a data set that has been made; nobody may change its folder."""
    settings: dict[str, Any] = {
        "seed": 5,
        "grid": {"nz": 24, "nx": 24, "spacing": 10.0},
        "survey": {"shots": 2, "receivers": 24, "frequency": 15.0, "interval": 0.001, "samples": 240},
        "split": {"train": 16, "validation": 8, "test": 8},
        "shard_size": 8,
        "folder": str(tmp_path_factory.mktemp("data") / "tiny"),
    }
    generate(TypeAdapter(Data).validate_python(settings), workers=1, progress=False)
    return settings


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained UNet for 2 shots of 60 samples at 20 receivers over 16 × 20 cells of 10 m."""
    torch.manual_seed(0)
    recipe = Data(
        folder="data/tiny",
        grid=Grid(nz=16, nx=20, spacing=10.0),
        survey=Survey(shots=2, receivers=20, frequency=15.0, interval=0.001, samples=60),
        split=Split(train=8, validation=4, test=4),
    )
    spec, shape = Network(front=Stack(fold=2), model="unet", depth=2, width=4), Shape.of(recipe)
    statistics = Statistics(shot_scale=0.1, image_scale=7.0, velocity_min=1500.0, velocity_max=4500.0)
    return write_bundle(
        tmp_path_factory.mktemp("exports") / "tiny",
        build(spec, shape, statistics.shot_scale),
        spec=spec,
        shape=shape,
        statistics=statistics,
        target="rtm",
        data_recipe=recipe,
        scores={"ssim": 0.5},
        name="tiny",
    )


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
