import hashlib
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datagen.check import SHOWN, check_data
from datagen.config import Data, Split
from datagen.errors import InputError
from datagen.generate import generate
from datagen.shards.chunk import compute_statistics
from datagen.shards.manifest import ArrayKind, FileRecord, load_manifest, save_manifest

MakeData = Callable[..., Data]


@pytest.fixture
def data(make_data: MakeData, echo_engine: Any) -> Data:
    data = make_data()
    generate(data, workers=1, engine=echo_engine)
    return data


def damaged(data: Data, kind: ArrayKind, number: int, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Changes a file and its checksum: damage that was there when the shard was sealed."""
    path = Path(data.folder) / f"{kind}{number}.npy"
    np.save(path, change(np.load(path)))
    content = path.read_bytes()
    file = FileRecord(name=path.name, bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
    manifest = load_manifest(data.folder)
    records = list(manifest.shards)
    records[number - 1] = replace(records[number - 1], files=records[number - 1].files | {kind: file})
    save_manifest(Path(data.folder), replace(manifest, shards=tuple(records)))


def refused(data: Data) -> str:
    with pytest.raises(InputError) as caught:
        check_data(data)
    return str(caught.value)


def put(value: float, *place: int) -> Callable[[np.ndarray], np.ndarray]:
    def change(array: np.ndarray) -> np.ndarray:
        array[place] = value
        return array

    return change


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_a_sound_data_set_is_summed_up_split_by_split(make_data: MakeData, echo_engine: Any, dtype: str) -> None:
    data = make_data(dtype=dtype)
    generate(data, workers=1, engine=echo_engine)
    train, validation, test = check_data(data)
    assert [(each.split, each.models) for each in (train, validation, test)] == [
        ("train", 20),
        ("validation", 8),
        ("test", 5),
    ]
    velocity = np.concatenate([np.load(Path(data.folder) / f"model{number}.npy") for number in (1, 2, 3)])
    assert (train.velocity_min, train.velocity_max) == (velocity.min(), velocity.max())
    files = [file for record in load_manifest(data.folder).of_split("train") for file in record.files.values()]
    assert train.bytes == sum((Path(data.folder) / file.name).stat().st_size for file in files)
    assert train.shot_peak > 0
    assert [each.repeated for each in (train, validation, test)] == [0, 0, 0]


@pytest.mark.parametrize("kind", ["data", "model", "image"])
def test_a_value_that_is_not_finite_is_found_in_every_kind_of_file(data: Data, kind: ArrayKind) -> None:
    damaged(data, kind, 2, put(np.nan, 3, 0, 5, 6))
    assert f"{kind}2.npy: row 3 (sample 11): 1 of " in refused(data)


def test_an_infinite_shot_is_found(data: Data) -> None:
    damaged(data, "data", 5, put(np.inf, 4, 2, 19, 23))
    assert "data5.npy: row 4 (sample 32): 1 of 1440 values are not finite" in refused(data)


@pytest.mark.parametrize("velocity", [1499.0, 4501.0])
def test_a_velocity_that_the_configuration_cannot_draw_is_found(data: Data, velocity: float) -> None:
    damaged(data, "model", 1, put(velocity, 0, 0, 0, 0))
    assert "model1.npy: row 0 (sample 0): velocity" in (message := refused(data))
    assert "the configuration draws 1500 to 4500 m/s" in message


def test_a_silent_sample_is_found(data: Data) -> None:
    damaged(data, "data", 4, put(0.0, 7))
    assert "data4.npy: row 7 (sample 27): all values are zero" in refused(data)


def test_a_model_in_two_splits_is_found(data: Data) -> None:
    first = np.load(Path(data.folder) / "model1.npy")[3]

    def change(array: np.ndarray) -> np.ndarray:
        array[2] = first
        return array

    damaged(data, "model", 5, change)
    assert "model5.npy: row 2 (sample 30, test): the same model as sample 3, train" in refused(data)


def test_a_model_twice_in_one_split_is_counted_and_no_error(data: Data) -> None:
    kinds: tuple[ArrayKind, ...] = ("data", "model", "image")
    for kind in kinds:
        damaged(data, kind, 1, lambda array: np.concatenate([array[:7], array[:1]]))
    shots, velocity, image = (np.load(Path(data.folder) / f"{kind}1.npy") for kind in kinds)
    manifest = load_manifest(data.folder)
    first = replace(manifest.shards[0], statistics=compute_statistics(shots, velocity[:, 0], image[:, 0]))
    save_manifest(Path(data.folder), replace(manifest, shards=(first, *manifest.shards[1:])))
    assert check_data(data)[0].repeated == 1


@pytest.mark.parametrize(
    ("kind", "name"), [("data", "shot_scale"), ("image", "image_scale"), ("model", "velocity_min")]
)
def test_statistics_of_other_data_are_found(data: Data, kind: ArrayKind, name: str) -> None:
    damaged(data, kind, 1, lambda array: 0.5 * array + 0.5 * array.max())
    assert f"shard 1: {name} is " in refused(data)


def test_a_file_of_another_shape_or_type_is_found(data: Data) -> None:
    damaged(data, "image", 3, lambda array: array[:, :, :-1])
    damaged(data, "model", 4, lambda array: array.astype(np.float64))
    message = refused(data)
    assert "image3.npy: float32 [4, 1, 15, 24], expected float32 [4, 1, 16, 24]" in message
    assert "model4.npy: float64" in message


def test_a_changed_file_is_found(data: Data) -> None:
    path = Path(data.folder) / "data1.npy"
    path.write_bytes(b"x" * path.stat().st_size)
    assert "data1.npy: damaged, its content changed" in refused(data)


def test_every_problem_is_told_and_a_great_many_are_counted(data: Data) -> None:
    (Path(data.folder) / "model5.npy").unlink()
    for number in (1, 2, 3, 4):
        damaged(data, "data", number, lambda array: np.full_like(array, np.nan))
    message = refused(data)
    assert "29 problem(s):" in message
    assert f"… and {29 - SHOWN} more" in message
    (Path(data.folder) / "data1.npy").unlink()
    assert "data1.npy: missing" in refused(data)


def test_memory_does_not_grow_with_the_shards(make_data: MakeData, echo_engine: Any) -> None:
    def peak(data: Data) -> int:
        generate(data, workers=1, engine=echo_engine)
        check_data(data)
        tracemalloc.start()
        try:
            check_data(data)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    small = make_data("small", split=Split(train=8, validation=8, test=8))
    large = make_data("large", split=Split(train=240, validation=8, test=8), shard_size=240)
    assert peak(large) < 2 * peak(small)
