from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from compressors.bundles.contents import read_contents
from compressors.bundles.untrained import untrained_bundle
from datagen.config import Data, Grid, Split, Survey
from datagen.generate import generate
from search_spaces.config import Network, Stack
from tests.ports import free_port


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
    recipe = Data(
        folder="data/tiny",
        grid=Grid(nz=16, nx=20, spacing=10.0),
        survey=Survey(shots=2, receivers=20, frequency=15.0, interval=0.001, samples=60),
        split=Split(train=8, validation=4, test=4),
    )
    spec = Network(front=Stack(fold=2), model="unet", depth=2, width=4)
    return untrained_bundle(tmp_path_factory.mktemp("exports") / "tiny", spec, recipe)


@pytest.fixture(scope="session")
def tiny_velocity_bundle(tiny_bundle: Path) -> Path:
    """The same network, as if it had learned velocities."""
    contents = read_contents(tiny_bundle)
    return untrained_bundle(tiny_bundle.with_name("velocity"), contents.network, contents.data, "velocity")


@pytest.fixture(name="free_port")
def _free_port() -> int:
    return free_port()
