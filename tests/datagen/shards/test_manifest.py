from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datagen.config import Data, Split
from datagen.errors import InputError
from datagen.generate import generate
from datagen.shards.manifest import Statistics, layout, load_manifest
from datagen.shards.manifest import verify as verify_manifest

MakeData = Callable[..., Data]


def verify(data: Data) -> None:
    verify_manifest(load_manifest(data.folder), data)


@pytest.fixture
def data(make_data: MakeData, echo_engine: Any) -> Data:
    data = make_data()
    generate(data, workers=1, engine=echo_engine)
    return data


def test_shards_cover_every_sample_once_and_never_two_splits(make_data: MakeData) -> None:
    shards = layout(make_data(split=Split(train=17, validation=16, test=3)))
    assert [(shard.split, shard.first, shard.models) for shard in shards] == [
        ("train", 0, 8),
        ("train", 8, 8),
        ("train", 16, 1),
        ("validation", 17, 8),
        ("validation", 25, 8),
        ("test", 33, 3),
    ]
    assert [shard.number for shard in shards] == [1, 2, 3, 4, 5, 6]


def test_files_are_those_of_openfwi(data: Data) -> None:
    folder = Path(data.folder)
    assert np.load(folder / "data1.npy").shape == (8, 3, 20, 24)
    assert np.load(folder / "model3.npy").shape == (4, 1, 16, 24)
    assert np.load(folder / "image5.npy").shape == (5, 1, 16, 24)
    assert np.load(folder / "model1.npy").dtype == np.float32


def test_statistics_are_of_the_training_split(data: Data) -> None:
    folder = Path(data.folder)
    files = [[np.load(folder / f"{kind}{number}.npy") for number in (1, 2, 3)] for kind in ("data", "image")]
    shots, image = (np.abs(np.concatenate(arrays)).reshape(20, -1) for arrays in files)
    velocity = np.concatenate([np.load(folder / f"model{number}.npy") for number in (1, 2, 3)])
    statistics = load_manifest(folder).statistics
    np.testing.assert_allclose(statistics.shot_scale, np.percentile(shots, 90, axis=1).mean(), rtol=1e-6)
    np.testing.assert_allclose(statistics.image_scale, np.percentile(image, 99.5, axis=1).mean(), rtol=1e-6)
    assert (statistics.velocity_min, statistics.velocity_max) == (velocity.min(), velocity.max())


def test_statistics_combine_by_number_of_models() -> None:
    one = Statistics(shot_scale=1.0, image_scale=2.0, velocity_min=1500.0, velocity_max=3000.0)
    other = Statistics(shot_scale=4.0, image_scale=8.0, velocity_min=1600.0, velocity_max=4500.0)
    assert Statistics.combined([(2, one), (1, other)]) == Statistics(
        shot_scale=2.0, image_scale=4.0, velocity_min=1500.0, velocity_max=4500.0
    )


def test_a_sound_data_set_is_verified_wherever_it_lies(data: Data, tmp_path: Path) -> None:
    verify(data)
    Path(data.folder).rename(tmp_path / "moved")
    verify(replace(data, folder=str(tmp_path / "moved")))


def test_a_missing_data_set_is_told_with_the_command_that_makes_it(make_data: MakeData) -> None:
    with pytest.raises(InputError, match=r"no data set in .*nowhere; make it with `seisnas generate`"):
        verify(make_data("nowhere"))


def test_a_truncated_shard_is_named(data: Data) -> None:
    file = Path(data.folder) / "data2.npy"
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(InputError, match=r"data2\.npy: damaged, \d+ bytes, expected \d+"):
        verify(data)


def test_a_changed_shard_is_named(data: Data) -> None:
    file = Path(data.folder) / "image1.npy"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(InputError, match=r"image1\.npy: damaged, its content changed"):
        verify(data)


def test_a_deleted_shard_is_named(data: Data) -> None:
    (Path(data.folder) / "model5.npy").unlink()
    with pytest.raises(InputError, match=r"model5\.npy: missing"):
        verify(data)


def test_a_data_set_of_other_settings_is_told_field_by_field(data: Data) -> None:
    other = replace(data, seed=8, survey=replace(data.survey, samples=40))
    with pytest.raises(InputError) as caught:
        verify(other)
    assert "data.seed: 7 in the data set, 8 in the preset" in str(caught.value)
    assert "data.survey.samples: 20 in the data set, 40 in the preset" in str(caught.value)
    assert "geology" not in str(caught.value)


def test_a_damaged_manifest_is_named(data: Data) -> None:
    path = Path(data.folder) / "manifest.json"
    path.write_text(path.read_text()[:100])
    with pytest.raises(InputError, match=r"manifest\.json: not a manifest"):
        load_manifest(data.folder)


def test_an_unknown_split_lists_the_known_ones(data: Data) -> None:
    with pytest.raises(InputError, match="got 'tests'; known: train, validation, test"):
        load_manifest(data.folder).of_split("tests")
