"""The unit of work: up to 8 models of one shard, from random numbers to what is stored.

    indices ─► velocity_MZX ─► shots_MSTR, image_MZX, first breaks ─► arrays of the shard files, statistics

Which samples form a chunk depends only on the layout, never on who makes it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from datagen.config import Data
from datagen.errors import InputError
from datagen.shards.manifest import ArrayKind, Shard, Statistics
from datagen.velocity import draw_velocity

MODELS = 8  # as many as the wave engine runs together

HALF_NORMAL = np.float32(2.0**-14)  # below it float16 numbers are multiples of 2**-24 ...
HALF_ROUNDER = np.float32(0.75)  # ... as float32 numbers are around this one


class Engine(Protocol):
    """Makes shots [M, S, T, R] and images [M, Z, X] of velocity models [M, Z, X] in m/s."""

    def shoot_and_migrate(self, velocity_MZX: NDArray[np.float32]) -> tuple[NDArray[Any], NDArray[Any]]: ...


@dataclass(frozen=True, kw_only=True)
class Chunk:
    shard: Shard
    offset: int  # of its first model in the shard
    models: int


@dataclass(frozen=True, kw_only=True)
class Made:
    """A chunk with its arrays, as stored."""

    chunk: Chunk
    arrays: dict[ArrayKind, NDArray[Any]]
    statistics: Statistics


def split_into_chunks(shard: Shard) -> Iterator[Chunk]:
    for offset in range(0, shard.models, MODELS):
        yield Chunk(shard=shard, offset=offset, models=min(MODELS, shard.models - offset))


def make_chunk(data: Data, engine: Engine, chunk: Chunk) -> Made:
    """Raises InputError if the shots do not fit in `data.dtype`, or as `engine` does."""
    first = chunk.shard.first + chunk.offset
    velocity_MZX = np.stack([draw_velocity(data, index) for index in range(first, first + chunk.models)])
    shots_MSTR, image_MZX = engine.shoot_and_migrate(velocity_MZX)
    check_overflow(data, shots_MSTR)
    arrays: dict[ArrayKind, NDArray[Any]] = {
        "data": as_stored(shots_MSTR, data.dtype),
        "model": velocity_MZX[:, None],
        "image": image_MZX[:, None].astype(np.float32),
    }
    if data.first_breaks:
        from datagen.waves.first_breaks import first_breaks  # noqa: PLC0415  only this needs scikit-fmm

        arrays["first_break"] = first_breaks(data, velocity_MZX)
    return Made(chunk=chunk, arrays=arrays, statistics=compute_statistics(shots_MSTR, velocity_MZX, image_MZX))


def as_stored(shots_MSTR: NDArray[Any], dtype: str) -> NDArray[Any]:
    """The shots in `dtype`, rounded to nearest.

    NumPy takes fifteen times as long to convert numbers too small for float16's full precision, and shots have many:
    they are rounded first, by adding and subtracting a number of that spacing.
    """
    stored_MSTR = np.empty(shots_MSTR.shape, dtype)
    if stored_MSTR.dtype != np.float16 or shots_MSTR.dtype != np.float32:
        stored_MSTR[...] = shots_MSTR
        return stored_MSTR
    for stored_TR, shot_TR in zip(_each_shot(stored_MSTR), _each_shot(shots_MSTR), strict=True):
        rounded_TR = (shot_TR + HALF_ROUNDER) - HALF_ROUNDER
        stored_TR[...] = np.where(np.abs(shot_TR) < HALF_NORMAL, rounded_TR, shot_TR)
    return stored_MSTR


def _each_shot(shots_MSTR: NDArray[Any]) -> NDArray[Any]:
    return shots_MSTR.reshape(-1, *shots_MSTR.shape[2:])


def check_overflow(data: Data, shots_MSTR: NDArray[Any]) -> None:
    """Raises InputError if the shots do not fit in `data.dtype`."""
    strongest, largest = float(np.abs(shots_MSTR).max()), float(np.finfo(data.dtype).max)
    if not strongest < largest:
        raise InputError(
            f"data.dtype: shots reach {strongest:g}, the largest {data.dtype} is {largest:g}; set it to float32"
        )


def compute_statistics(
    shots_MSTR: NDArray[Any], velocity_MZX: NDArray[Any] | None = None, image_MZX: NDArray[Any] | None = None
) -> Statistics:
    """Of some models; 0 without velocity or image."""
    return Statistics(
        shot_scale=_scale(shots_MSTR, 90),
        image_scale=0.0 if image_MZX is None else _scale(image_MZX, 99.5),
        velocity_min=0.0 if velocity_MZX is None else float(velocity_MZX.min()),
        velocity_max=0.0 if velocity_MZX is None else float(velocity_MZX.max()),
    )


def _scale(array_M: NDArray[Any], percentile: float) -> float:
    return float(np.percentile(np.abs(array_M).reshape(len(array_M), -1), percentile, axis=1).mean())
