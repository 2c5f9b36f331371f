"""Checks every sample of a data set, so that training need not: is it complete, sound and in one split only?

    files       present, of the size, shape and type in the manifest, unchanged (SHA-256)
    values      finite, no shot dead, no image all zero, velocities within what the configuration can draw
    splits      no velocity model in two of them
    statistics  of each shard, computed again, equal to the manifest's

One chunk of models is in memory at a time.
"""

import dataclasses
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datagen.config import Data
from datagen.errors import InputError
from datagen.ground.ranges import velocity_range
from datagen.shards.chunk import MODELS, compute_statistics
from datagen.shards.manifest import (
    ArrayKind,
    Manifest,
    ShardRecord,
    SplitName,
    Statistics,
    check_files,
    load_manifest,
    open_array,
    require_same,
)
from datagen.shards.progress import models_bar

SHOWN = 20  # problems listed in the message
ROUNDING = 1e-5  # relative, of velocities and statistics in float32
HALF_PRECISION = 1e-3, 1e-7  # relative and absolute, of statistics taken from float16 shots

Arrays = dict[ArrayKind, NDArray[Any]]


@dataclass(kw_only=True)
class Summary:
    """What was found in one split."""

    split: SplitName
    models: int = 0
    bytes: int = 0
    velocity_min: float = np.inf  # [m/s]
    velocity_max: float = 0.0  # [m/s]
    shot_peak: float = 0.0  # largest |pressure|
    image_peak: float = 0.0
    repeated: int = 0  # velocity models seen before in this split


def check_data(data: Data, *, progress: bool = True) -> list[Summary]:
    """Checks the data set of `data` and returns a summary of each split.

    Raises InputError: no finished data set of this configuration, or every problem found, by file and sample.
    """
    manifest = load_manifest(data.folder)
    require_same(manifest, data)
    check = _Check(Path(data.folder), manifest)
    with models_bar(sum(record.shard.models for record in manifest.shards), progress) as advance:
        for record in manifest.shards:
            check.shard(record)
            advance(record.shard.models)
    if check.problems:
        more = len(check.problems) - SHOWN
        lines = [f"{data.folder}: {len(check.problems)} problem(s):", *check.problems[:SHOWN]]
        raise InputError("\n".join([*lines, f"  … and {more} more"] if more > 0 else lines))
    return list(check.summaries.values())


class _Check:
    """What has been found in a data set so far."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder, self.data = folder, manifest.data
        self.problems: list[str] = []
        self.summaries: dict[SplitName, Summary] = {}
        self._seen: dict[bytes, tuple[SplitName, int]] = {}  # hash of a velocity model: split, sample index

    def shard(self, record: ShardRecord) -> None:
        summary = self.summaries.setdefault(record.shard.split, Summary(split=record.shard.split))
        try:
            check_files(self.folder, record)
            arrays: Arrays = {kind: open_array(self.folder, self.data, record, kind) for kind in record.files}
        except InputError as error:
            self.problems.append(f"  {error}")
            return
        summary.models += record.shard.models
        summary.bytes += sum(file.bytes for file in record.files.values())
        parts = []
        for first in range(0, record.shard.models, MODELS):
            part: Arrays = {kind: np.asarray(array[first : first + MODELS]) for kind, array in arrays.items()}
            sound = self._values(record, first, part)
            self._duplicates(record, first, part, summary)
            if sound:
                parts.append((len(part["data"]), _statistics(part)))
                _widen(summary, part)
        if sum(models for models, _ in parts) == record.shard.models:
            self._compare(record, Statistics.combined(parts))

    def _values(self, record: ShardRecord, first: int, part: Arrays) -> bool:
        """Whether all values of these samples are allowed."""
        before = len(self.problems)
        for kind, array in part.items():
            for row, sample in enumerate(array):
                for problem in _sample_problems(self.data, kind, sample):
                    index = record.shard.first + first + row
                    path = self.folder / record.files[kind].name
                    self.problems.append(f"  {path}: row {first + row} (sample {index}): {problem}")
        return len(self.problems) == before

    def _duplicates(self, record: ShardRecord, first: int, part: Arrays, summary: Summary) -> None:
        kind: ArrayKind = "model" if "model" in part else "data"
        for row, sample in enumerate(part[kind]):
            index = record.shard.first + first + row
            digest = hashlib.sha256(np.ascontiguousarray(sample).data).digest()
            split, other = self._seen.setdefault(digest, (summary.split, index))
            if split != summary.split:
                path = self.folder / record.files[kind].name
                self.problems.append(
                    f"  {path}: row {first + row} (sample {index}, {summary.split}): "
                    f"the same model as sample {other}, {split}"
                )
            elif other != index:
                summary.repeated += 1

    def _compare(self, record: ShardRecord, found: Statistics) -> None:
        for field in dataclasses.fields(Statistics):
            here, there = getattr(found, field.name), getattr(record.statistics, field.name)
            half = field.name == "shot_scale" and self.data.dtype == "float16"
            relative, absolute = HALF_PRECISION if half else (ROUNDING, 0.0)
            if abs(here - there) > relative * abs(there) + absolute:
                self.problems.append(
                    f"  {self.folder}: shard {record.shard.number}: {field.name} is {here:g}, "
                    f"{there:g} in the manifest; its statistics are of other data"
                )


def _sample_problems(data: Data, kind: ArrayKind, sample: NDArray[Any]) -> Iterator[str]:
    wrong = int(sample.size - np.isfinite(sample).sum())
    if wrong:
        yield f"{wrong} of {sample.size} values are not finite"
    elif kind == "model":
        lowest, highest = velocity_range(data)
        found = float(sample.min()), float(sample.max())
        if found[0] < lowest * (1 - ROUNDING) or found[1] > highest * (1 + ROUNDING):
            yield f"velocity {found[0]:g} to {found[1]:g} m/s, the configuration draws {lowest:g} to {highest:g} m/s"
    elif not sample.any():
        yield "all values are zero"
    elif kind == "data":
        dead = np.flatnonzero(np.ptp(sample, axis=(1, 2)) == 0)
        if len(dead):
            yield f"dead shot {', '.join(map(str, dead[:6] + 1))} of {len(sample)}: all of its values are the same"


def _statistics(part: Arrays) -> Statistics:
    velocity, image = part.get("model"), part.get("image")
    return compute_statistics(
        part["data"].astype(np.float32),
        None if velocity is None else velocity[:, 0],
        None if image is None else image[:, 0],
    )


def _widen(summary: Summary, part: Arrays) -> None:
    summary.shot_peak = max(summary.shot_peak, float(np.abs(part["data"]).max()))
    if "model" in part:
        summary.velocity_min = min(summary.velocity_min, float(part["model"].min()))
        summary.velocity_max = max(summary.velocity_max, float(part["model"].max()))
    if "image" in part:
        summary.image_peak = max(summary.image_peak, float(np.abs(part["image"]).max()))
