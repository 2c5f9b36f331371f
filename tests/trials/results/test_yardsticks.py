"""Images that need no network are made by the recipe of the labels."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from compressors.bundles.bundle import load_bundle
from compressors.bundles.untrained import untrained_bundle
from datagen.config import Data
from datagen.generate import generate
from search_spaces.config import Migrate, Network
from trials.results.yardsticks import AVERAGE, yardsticks


@pytest.fixture(scope="module")
def flat_layers(tiny_data: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Data:
    """Without salt, folds and faults the average velocity of a depth is the velocity."""
    folder = tmp_path_factory.mktemp("data") / "flat"
    settings = tiny_data | {"folder": str(folder), "geology": {"family": "flat"}, "salt": {"probability": 0.0}}
    data = TypeAdapter(Data).validate_python(settings)
    generate(data, workers=1, progress=False)
    return data


def test_flat_layers_are_imaged_in_their_average_velocity(flat_layers: Data) -> None:
    found = yardsticks(flat_layers.folder, {}, shown=2)
    assert found[AVERAGE].ssim > 0.99
    assert found[AVERAGE].correlation > 0.99
    assert found[AVERAGE].images_MZX.shape == (2, flat_layers.grid.nz, flat_layers.grid.nx)
    assert found["an image of zeros"].ssim < 0.9


def test_only_networks_with_a_velocity_are_migrated_in(flat_layers: Data, tiny_bundle: Path, tmp_path: Path) -> None:
    spec = Network(model="unet", depth=2, width=4, front=Migrate(fold=2))
    both = load_bundle(untrained_bundle(tmp_path / "both", spec, flat_layers, "both"))
    names = list(yardsticks(flat_layers.folder, {"Small": both, "Other": load_bundle(tiny_bundle)}))
    assert names[2:] == ["RTM in the velocity of Small"]


def test_without_a_data_set_there_are_none(tmp_path: Path) -> None:
    assert yardsticks(str(tmp_path), {}) == {}
