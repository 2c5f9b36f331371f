from pathlib import Path
from typing import Any

import pytest
import torch

from compressors.bundles.bundle import write_bundle
from datagen.config import Data, Grid, Split, Survey
from datagen.shards.manifest import Statistics
from search_spaces.build import build
from search_spaces.config import Network, Stack
from search_spaces.genotype import Genotype
from search_spaces.shape import Shape


@pytest.fixture(scope="session")
def recipe() -> Data:
    return Data(
        folder="data/tiny",
        grid=Grid(nz=16, nx=18, spacing=10.0),
        survey=Survey(shots=2, receivers=12, frequency=15.0, interval=0.001, samples=40),
        split=Split(train=8, validation=4, test=4),
    )


@pytest.fixture(scope="session")
def parts(recipe: Data) -> dict[str, Any]:
    """What `write_bundle` is given, apart from the folder."""
    torch.manual_seed(0)
    genotype = Genotype.random(depth=2, width=4, nodes=2, operations="mobile", seed=3)
    spec = Network(front=Stack(fold=2), depth=2, width=4, genotype=genotype)
    shape = Shape.of(recipe)
    statistics = Statistics(shot_scale=0.1, image_scale=7.0, velocity_min=1500.0, velocity_max=4500.0)
    return {
        "network": build(spec, shape, statistics.shot_scale),
        "spec": spec,
        "shape": shape,
        "statistics": statistics,
        "target": "rtm",
        "data_recipe": recipe,
        "scores": {"ssim": 0.81, "mae": 0.05},
        "name": "tiny",
    }


@pytest.fixture(scope="session")
def written(parts: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle to look at; tests that change one copy it first."""
    return write_bundle(tmp_path_factory.mktemp("exports") / "tiny", **parts)
