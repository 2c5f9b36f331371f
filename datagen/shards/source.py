"""Existing shots, and models if there are any, before they are shards: what is at a path, and does it suit a data set?

    files ─► Source: shots [S, T, R], models [Z, X], in the order train, validation, test

Nothing here needs Devito: `seisnas inspect` asks the same.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from datagen.config import Data, Split
from datagen.errors import InputError
from datagen.files.npy_series import NpySeries
from datagen.files.openfwi import find_pairs, find_split
from datagen.traces.fitting.survey_differences import Fitted
from datagen.traces.fitting.survey_fit import fit_survey
from datagen.traces.recorded_shots import of_segy
from datagen.traces.segy_shots import SegyShots
from datagen.traces.trace_file import trace_files

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
        if wrong := [*other_shape(shots, *sizes(data)), *too_few(shots.samples)]:
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


def sizes(data: Data) -> tuple[tuple[int, ...], str]:
    """Of a sample of shots, and the settings that say so."""
    survey = data.survey
    return (survey.shots, survey.samples, survey.receivers), "data.survey.shots, samples and receivers"


def other_shape(series: Series, expected: tuple[int, ...], fields: str) -> list[str]:
    """What is wrong with samples that are not `expected`, or the same without its leading axis of one, in words."""
    if series.shape == expected or (expected[0] == 1 and series.shape == expected[1:]):
        return []
    return [f"samples of shape {list(series.shape)}, the preset's are {list(expected)} ({fields}); set these"]
