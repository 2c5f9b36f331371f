"""Existing shots as shards: OpenFWI folders, a user's .npy, SEG-Y, SU.

    files ─► Source: shots [S, T, R], models [Z, X] ─► chunks ─► shards, as generated ones
                                        └─► our own shots and RTM image of each model, on request

An image is migrated from shots modelled here: wavelet, delay and scale of other people's shots are unknown, and
labels should mean the same in all data sets.
"""

import hashlib
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np
from pydantic import ValidationError

from datagen.config import Data, Imported
from datagen.errors import InputError
from datagen.files.copies import read_ends
from datagen.files.npy_series import open_npy
from datagen.files.velocity_files import velocity_limits
from datagen.shards.chunk import Chunk, Engine, Made, as_stored, check_overflow, compute_statistics
from datagen.shards.make import Generated, MakeAll, make_shards, processes
from datagen.shards.source import Series, Source, other_shape, sizes
from datagen.waves.modelling import WaveEngine

log = logging.getLogger(__name__)


def import_shots(
    source: Source,
    data: Data,
    *,
    migrate: bool = False,
    workers: int | None = None,
    progress: bool = True,
    report: Callable[[str], object] = log.info,
    engine: Callable[[Data], Engine] = WaveEngine,
) -> Generated:
    """Writes the shards of `source` into `data.folder`; continues where it was stopped.

    Grid and survey of `data` describe the samples.  Shots keep their sign and scale.  `migrate`: with RTM images of
    the models.

    Raises InputError: samples that differ in shape or sampling from `data`, different numbers of shots and models,
    values that are not finite or no velocities in m/s, or as `make_shards`.
    """
    imported = _imported(source, data, migrate)
    try:
        described = replace(data, split=source.split, velocity_file=None, imported=imported)
    except ValidationError as error:
        raise InputError(f"{source.name}: {error.errors()[0]['msg']}; raise data.shard_size") from None

    @contextmanager
    def worker_pool() -> Iterator[MakeAll]:
        yield processes(partial(read_chunk, described, source, engine(described) if migrate else None), workers)

    inputs = [*source.shots.files, *(source.models.files if source.models else ())]
    return make_shards(described, worker_pool, progress=progress, report=report, inputs=inputs)


def _imported(source: Source, data: Data, migrate: bool) -> Imported:
    shots, models = source.shots, source.models
    if source.fitted is None:  # otherwise find_source has compared more
        _check_shape(shots, *sizes(data))
    kinds: list[Literal["data", "model", "image"]] = ["data"]
    velocity = None
    if models is not None:
        _check_shape(models, (1, data.grid.nz, data.grid.nx), "1, data.grid.nz and nx")
        if models.samples != shots.samples:
            raise InputError(
                f"{models.files[0]}: {models.samples} models for {shots.samples} samples of shots; they must match"
            )
        axes = "nzx" if len(models.shape) == 2 else "nczx"
        limits = [velocity_limits(str(path), open_npy(path), axes, unit=1.0) for path in models.files]
        velocity = min(low for low, _ in limits), max(high for _, high in limits)
        kinds.append("model")
    if migrate:
        if models is None:
            raise InputError("--migrate: an image is made from velocity models; give them with --models")
        kinds.append("image")
    return Imported(source=source.name, sha256=_checksum(source), kinds=tuple(kinds), velocity=velocity)


def _check_shape(series: Series, expected: tuple[int, ...], fields: str) -> None:
    for problem in other_shape(series, expected, fields):
        raise InputError(f"{series.files[0]}: {problem}")


def _checksum(source: Source) -> str:
    """Of names, lengths, beginnings and ends."""
    total = hashlib.sha256()
    for path in (*source.shots.files, *(source.models.files if source.models else ())):
        size = path.stat().st_size
        total.update(f"{path.name} {size}\n".encode())
        total.update(read_ends(path, size))
    return total.hexdigest()


def read_chunk(data: Data, source: Source, engine: Engine | None, chunk: Chunk) -> Made:
    """Raises InputError: shots that are not finite or do not fit in `data.dtype`, or as `engine`."""
    first, count = chunk.shard.first + chunk.offset, chunk.models
    survey, grid = data.survey, data.grid
    shots_MSTR = np.asarray(source.shots.read(first, count), np.float32)
    wrong = ~np.isfinite(shots_MSTR.reshape(count, -1)).all(axis=1)
    if wrong.any():
        raise InputError(f"{source.shots.name(first + int(np.argmax(wrong)))}: not all values are finite")
    if source.fitted is not None:
        shots_MSTR = source.fitted(shots_MSTR)
    shots_MSTR = shots_MSTR.reshape(count, survey.shots, survey.samples, survey.receivers)
    check_overflow(data, shots_MSTR)
    made = Made(
        chunk=chunk, arrays={"data": as_stored(shots_MSTR, data.dtype)}, statistics=compute_statistics(shots_MSTR)
    )
    if source.models is None:
        return made
    velocity_MZX = np.asarray(source.models.read(first, count), np.float32).reshape(count, grid.nz, grid.nx)
    arrays = {**made.arrays, "model": velocity_MZX[:, None]}
    image_MZX = None
    if engine is not None:
        _, image_MZX = engine.shoot_and_migrate(velocity_MZX)
        arrays["image"] = image_MZX[:, None].astype(np.float32)
    return replace(made, arrays=arrays, statistics=compute_statistics(shots_MSTR, velocity_MZX, image_MZX))
