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
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from datagen.config import Data, Imported, Split
from datagen.errors import InputError
from datagen.files.copies import read_ends
from datagen.files.npy_series import NpySeries, open_npy
from datagen.files.openfwi import find_pairs, find_split
from datagen.files.velocity_files import velocity_limits
from datagen.shards.chunk import Chunk, Engine, Made, as_stored, check_overflow, compute_statistics
from datagen.shards.make import Generated, MakeAll, make_shards, processes
from datagen.traces.fitting.survey_differences import Fitted
from datagen.traces.fitting.survey_fit import fit_survey
from datagen.traces.recorded_shots import of_segy
from datagen.traces.segy_shots import SegyShots
from datagen.traces.trace_file import trace_files
from datagen.waves.modelling import WaveEngine

log = logging.getLogger(__name__)

SHARE = 10  # of so many samples, one for validation and one for test
FEWEST = 3
FEW = "{} sample(s) in all; train, validation and test need one each"


class Series(Protocol):
    """Samples of one kind, in files."""

    files: tuple[Path, ...]
    samples: int
    shape: tuple[int, ...]  # of a sample
    interval: float | None  # [s] between time samples, if it is in the files

    def read(self, first: int, count: int) -> NDArray[Any]: ...

    def name(self, sample: int) -> str: ...


@dataclass(frozen=True, kw_only=True)
class Source:
    """Samples in the order train, validation, test."""

    name: str
    shots: Series
    models: NpySeries | None
    split: Split
    fitted: Fitted | None = None  # brings shots with headers to the survey of the data set; None: shots of arrays


def find_source(
    path: Path,
    data: Data,
    *,
    models: Path | None = None,
    split_files: Path | None = None,
    resample: bool = False,
    interval: float | None = None,
) -> Source:
    """What is at `path`: an .npy of shots `[n, S, T, R]`, SEG-Y or SU (also a folder of them), or an OpenFWI folder.

    `models` is an .npy of velocity models `[n, 1, z, x]` for the first two.  OpenFWI's own test files (val in its
    split files) are the test split; the last tenth of its training samples are the validation split.  Everything
    else is split into neighbouring blocks of 80, 10 and 10 per cent.

    What the headers of SEG-Y tell is compared with the survey of `data`; `resample` converts as far as physics allows
    (survey_differences.py), `interval` [s] is that of headers without one.

    Raises InputError: nothing to import, another survey, or damaged files, as the readers do.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    segy = trace_files(path)
    if path.is_dir() and not segy:
        if models is not None:
            raise InputError("--models: an OpenFWI folder contains its models; leave --models out")
        return _openfwi(path, split_files)
    if split_files is not None:
        raise InputError(f"--split-files: only an OpenFWI folder has them, {path} is none")
    velocities = NpySeries([models]) if models is not None else None
    if not segy:
        shots = NpySeries([path])
        if wrong := [*_other_shape(shots, *_sizes(data)), *too_few(shots.samples)]:
            raise InputError("\n  ".join([f"{path}:", *wrong]))
        return Source(name=str(path), shots=shots, models=velocities, split=_neighbouring(shots))
    recorded = SegyShots(segy, data.survey.shots, data.survey.receivers, interval=interval)
    recording = of_segy(path, recorded)
    more = [] if recording.problems else too_few(recorded.samples)
    fitted = fit_survey(recording, data, "the preset", "the preset", resample=resample, interval=interval, more=more)
    for note in fitted.notes:
        log.warning("%s: %s", path, note)
    return Source(
        name=str(path),
        shots=recorded,
        models=velocities,
        split=_neighbouring(recorded),
        fitted=fitted,
    )


def _openfwi(folder: Path, split_files: Path | None) -> Source:
    listed = find_split(folder, split_files)
    train, test = listed or (find_pairs(folder), [])
    shots, models = (NpySeries([pair[side] for pair in (*train, *test)]) for side in (0, 1))
    for pair, have, want in zip((*train, *test), shots.lengths(), models.lengths(), strict=True):
        if have != want:
            raise InputError(f"{pair[1]}: {want} models, {pair[0]} has the shots of {have}; the numbers must match")
    split = _neighbouring(shots)
    if listed:
        known = sum(shots.lengths()[: len(train)])
        validation = max(1, known // SHARE)
        split = _checked_split(shots, known - validation, validation, shots.samples - known)
    return Source(name=str(folder), shots=shots, models=models, split=split)


def _neighbouring(shots: Series) -> Split:
    held = max(1, shots.samples // SHARE)
    return _checked_split(shots, shots.samples - 2 * held, held, held)


def _checked_split(shots: Series, train: int, validation: int, test: int) -> Split:
    if min(train, validation, test) < 1:
        raise InputError(f"{shots.files[0].parent}: {FEW.format(shots.samples)}")
    return Split(train=train, validation=validation, test=test)


def too_few(samples: int) -> list[str]:
    """What is wrong with so few samples, if anything, in words."""
    return [f"samples: {FEW.format(samples)}"] if samples < FEWEST else []


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
        _check_shape(shots, *_sizes(data))
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


def _sizes(data: Data) -> tuple[tuple[int, ...], str]:
    """Of a sample of shots, and the settings that say so."""
    survey = data.survey
    return (survey.shots, survey.samples, survey.receivers), "data.survey.shots, samples and receivers"


def _check_shape(series: Series, expected: tuple[int, ...], fields: str) -> None:
    for problem in _other_shape(series, expected, fields):
        raise InputError(f"{series.files[0]}: {problem}")


def _other_shape(series: Series, expected: tuple[int, ...], fields: str) -> list[str]:
    """What is wrong with samples that are not `expected`, or the same without its leading axis of one, in words."""
    if series.shape == expected or (expected[0] == 1 and series.shape == expected[1:]):
        return []
    return [f"samples of shape {list(series.shape)}, the preset's are {list(expected)} ({fields}); set these"]


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
