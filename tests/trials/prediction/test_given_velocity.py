"""A velocity that the user has takes the place of the one that the network estimates."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter

from compressors.bundles.untrained import untrained_bundle
from datagen.config import Data
from datagen.errors import InputError
from search_spaces.config import Migrate, Network
from trials.prediction.given_velocity import GivenVelocity
from trials.prediction.predict import predict


@pytest.fixture(scope="module")
def bundle(tiny_data: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec = Network(model="unet", depth=2, width=4, front=Migrate(fold=2))
    data = TypeAdapter(Data).validate_python(tiny_data)
    return untrained_bundle(tmp_path_factory.mktemp("exports") / "both", spec, data, "both")


@pytest.fixture
def shots(tmp_path: Path) -> Path:
    np.save(tmp_path / "shots.npy", np.random.default_rng(0).standard_normal((10, 2, 240, 24)).astype(np.float32))
    return tmp_path / "shots.npy"


def test_each_sample_has_its_own_section_whatever_the_batch(bundle: Path, shots: Path, tmp_path: Path) -> None:
    sections = np.linspace(2000, 3500, 10)[:, None, None] * np.ones((24, 24))
    np.save(tmp_path / "ten.npy", sections)
    np.save(tmp_path / "last.npy", sections[-1])
    predict(bundle, shots, [tmp_path / "ten_images.npy"], migration_velocity=tmp_path / "ten.npy")
    predict(bundle, shots, [tmp_path / "one_image.npy"], migration_velocity=tmp_path / "last.npy")
    ten, one = np.load(tmp_path / "ten_images.npy"), np.load(tmp_path / "one_image.npy")
    np.testing.assert_allclose(ten[-1], one[-1], rtol=1e-4, atol=1e-4)
    assert ten.shape == (10, 1, 24, 24)
    assert np.abs(ten[0] - one[0]).max() > 1e-3
    np.testing.assert_allclose(np.load(tmp_path / "ten_images_velocity.npy")[:, 0], sections)


def test_another_grid_is_refused_with_both_sizes(bundle: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "wide.npy", np.full((24, 30), 2000.0))
    with pytest.raises(InputError, match=r"24 x 30 cells.*24 x 24 cells"):
        GivenVelocity(bundle, tmp_path / "wide.npy", 1)


def test_a_bundle_that_does_not_migrate_is_refused(tiny_bundle: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.full((16, 20), 2000.0))
    with pytest.raises(InputError, match="target is both"):
        GivenVelocity(tiny_bundle, tmp_path / "v.npy", 1)
