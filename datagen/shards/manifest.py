"""A data set on disk: shards in the layout of OpenFWI, and a manifest to verify them by.

    folder/  data1.npy   [n, S, T, R]  shots, pressure in units of the wavelet's peak
             model1.npy  [n, 1, Z, X]  velocity [m/s]
             image1.npy  [n, 1, Z, X]  RTM image
             first_break1.npy  [n, S, R]  travel times [s], if data.first_breaks
             data2.npy …
             manifest.json             configuration, versions, and checksums and statistics of each shard

Sample indices run train, validation, test; a shard holds samples of one split only.
"""

import math
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from datagen.config import STRICT, Data
from datagen.errors import InputError
from datagen.files.npy_files import map_npy
from datagen.files.reading import read_json
from datagen.files.regular_files import regular_file
from datagen.files.whole_files import file_sha256, sync, whole
from datagen.shards.differences import differences

MANIFEST = "manifest.json"
FILE_NAME = "{kind}{number}.npy"  # of one file of a shard

SplitName = Literal["train", "validation", "test"]
ArrayKind = Literal["data", "model", "image", "first_break"]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Shard:
    """Samples `first` … `first + models - 1`, in the files data{number}.npy and so on."""

    number: int  # from 1
    split: SplitName
    first: int  # sample index
    models: int


def layout(data: Data) -> list[Shard]:
    """All shards of a data set, in the order of their samples; the last of a split may be short."""
    shards: list[Shard] = []
    first = 0
    for split in get_args(SplitName):
        end = first + getattr(data.split, split)
        while first < end:
            models = min(data.shard_size, end - first)
            shards.append(Shard(number=len(shards) + 1, split=split, first=first, models=models))
            first += models
    return shards


def stored_kinds(data: Data) -> tuple[ArrayKind, ...]:
    """What the data set stores for each sample; an imported one may lack models or images."""
    if data.imported:
        return data.imported.kinds
    return ("data", "model", "image", "first_break") if data.first_breaks else ("data", "model", "image")


def array_format(data: Data, kind: ArrayKind, models: int) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """Type and shape of one file of a shard."""
    survey = data.survey
    if kind == "data":
        return np.dtype(data.dtype), (models, survey.shots, survey.samples, survey.receivers)
    if kind == "first_break":
        return np.dtype(np.float32), (models, survey.shots, survey.receivers)
    return np.dtype(np.float32), (models, 1, data.grid.nz, data.grid.nx)


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Statistics:
    """The scales for networks, from the training split.  0 for a kind that is not stored."""

    shot_scale: float  # 90th percentile of |shots| in a model, mean over the models
    image_scale: float  # 99.5th percentile of |image| in a model, mean over the models
    velocity_min: float  # [m/s] of all models
    velocity_max: float  # [m/s]

    @classmethod
    def combined(cls, parts: Sequence[tuple[int, Self]]) -> Self:
        """Of several sets of models, each given as (number of models, statistics)."""
        models = sum(count for count, _ in parts)
        return cls(
            shot_scale=math.fsum(count * part.shot_scale for count, part in parts) / models,
            image_scale=math.fsum(count * part.image_scale for count, part in parts) / models,
            velocity_min=min(part.velocity_min for _, part in parts),
            velocity_max=max(part.velocity_max for _, part in parts),
        )


@dataclass(frozen=True, kw_only=True, config=STRICT)
class FileRecord:
    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True, config=STRICT)
class ShardRecord:
    """A finished shard: its files and the statistics of its models."""

    shard: Shard
    files: dict[ArrayKind, FileRecord]
    statistics: Statistics


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Manifest:
    """What is in the folder: finished shards of the data set that `data` describes."""

    format: Literal[2] = 2  # 1 had the same arrays, drawn from other random numbers
    data: Data  # with `folder` left empty: a data set may be moved
    versions: dict[str, str]  # of the packages that made it
    shards: tuple[ShardRecord, ...] = ()  # in the order of their samples

    @property
    def statistics(self) -> Statistics:
        """Of the training split."""
        train = [record for record in self.shards if record.shard.split == "train"]
        return Statistics.combined([(record.shard.models, record.statistics) for record in train])

    def of_split(self, split: str) -> list[ShardRecord]:
        """Raises InputError for a split that does not exist."""
        if split not in get_args(SplitName):
            raise InputError(f"split: got {split!r}; known: {', '.join(get_args(SplitName))}")
        return [record for record in self.shards if record.shard.split == split]


def package_versions() -> dict[str, str]:
    """Of the packages that decide the bits of a data set."""
    found = {}
    for package in ("seisnas", "devito", "numpy", "scipy", "scikit-image"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # this program itself, run from a clone that is not installed
            continue
    return found


def read_manifest(folder: str | Path) -> Manifest | None:
    """The manifest of a finished or unfinished data set; None where there is none.

    Raises InputError if it is damaged or of another version of this program.
    """
    path = Path(folder) / MANIFEST
    if not path.exists():
        return None
    try:
        manifest = TypeAdapter(Manifest).validate_python(read_json(path))
        _require_planned(manifest)
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"]))[:200] or "the file"
        raise _no_manifest(path, f"{where}: {problem['msg']}") from None
    except InputError as error:
        raise _no_manifest(path, str(error)) from None
    return manifest


def _no_manifest(path: Path, problem: str) -> InputError:
    return InputError(
        f"{path}: not a manifest of this version of SeisNAS ({problem}); "
        f"delete {path.parent} and make the data set again, or choose another data.folder"
    )


def _require_planned(manifest: Manifest) -> None:
    """Raises InputError for a shard that does not belong to `manifest.data`, or files of other names."""
    planned = {shard.number: shard for shard in layout(manifest.data)}
    kinds = set(stored_kinds(manifest.data))
    for record in manifest.shards:
        number = record.shard.number
        if planned.pop(number, None) != record.shard:
            raise InputError(f"shard {number} is listed twice, or does not belong to this data set")
        if set(record.files) != kinds:
            raise InputError(f"shard {number} has {sorted(record.files)}, the data set has {sorted(kinds)}")
        for kind, file in record.files.items():
            name = FILE_NAME.format(kind=kind, number=number)
            if file.name != name:
                raise InputError(f"shard {number}: a file {file.name[:80]!r}; allowed: {name}")


def load_manifest(folder: str | Path) -> Manifest:
    """The manifest of a finished data set.

    Raises InputError: no data set in the folder, not finished, or its manifest is damaged.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        raise InputError(f"data.folder: no data set in {folder}; make it with `seisnas generate` and your preset")
    missing = len(layout(manifest.data)) - len(manifest.shards)
    if missing:
        raise InputError(
            f"{folder}: the data set is not finished, {missing} shards are missing; {_again(Path(folder))}"
        )
    return manifest


def verify(manifest: Manifest, data: Data) -> None:
    """Checks that every shard of `manifest` is present, whole, unchanged, and of the configuration `data`.

    Raises InputError naming the file, or the fields that differ.
    """
    require_same(manifest, data)
    for record in manifest.shards:
        check_files(Path(data.folder), record)


def check_files(folder: Path, record: ShardRecord) -> None:
    """Raises InputError if a file of the shard is missing, of another size or changed."""
    for file in record.files.values():
        check_size(folder, file)
        if file_sha256(folder / file.name) != file.sha256:
            raise InputError(_remake(folder / file.name, "its content changed (SHA-256)"))


def check_size(folder: Path, file: FileRecord) -> None:
    """Raises InputError if the file is missing or of another size; does not read it."""
    path = folder / file.name
    if not path.exists():
        raise InputError(f"{path}: missing; {_again(folder)}")
    size = regular_file(path)
    if size != file.bytes:
        raise InputError(_remake(path, f"{size} bytes, expected {file.bytes}"))


def _remake(path: Path, problem: str) -> str:
    return f"{path}: damaged, {problem}; delete it and {_again(path.parent)}"


def _again(folder: Path) -> str:
    """How to make a file of the data set again."""
    manifest = read_manifest(folder)
    if manifest is not None and manifest.data.imported:
        return f"import it again: `seisnas import {manifest.data.imported.source} -o {folder}` and your preset"
    return "make it again with `seisnas generate` and your preset"


def require_same(manifest: Manifest, data: Data) -> None:
    """Raises InputError naming every field in which the data set on disk differs from `data`."""
    different = differences(manifest.data, data)
    if different:
        raise InputError(
            "\n".join([f"{data.folder}: the data set there was made with other settings:", *different])
            + "\nchoose another data.folder, set these back, or delete the folder"
        )


def save_manifest(folder: Path, manifest: Manifest) -> None:
    """Replaces the manifest in one step: a reader, or a power cut, sees the old one or the new one."""
    with whole(folder / MANIFEST) as part:
        part.write_bytes(TypeAdapter(Manifest).dump_json(manifest, indent=1) + b"\n")
        sync(part)


def open_array(folder: str | Path, data: Data, record: ShardRecord, kind: ArrayKind) -> NDArray[Any]:
    """One file of a finished shard, memory-mapped.  Raises InputError as `check_size`, or if it is another array."""
    file = record.files[kind]
    check_size(Path(folder), file)
    path = Path(folder) / file.name
    try:
        array = map_npy(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not an .npy file: {error}") from None
    dtype, shape = array_format(data, kind, record.shard.models)
    if (array.dtype, array.shape) != (dtype, shape):
        raise InputError(f"{path}: {array.dtype} {list(array.shape)}, expected {dtype} {list(shape)}")
    return array
