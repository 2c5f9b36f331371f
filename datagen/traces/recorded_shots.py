"""Recorded shots in an .npy, an OpenFWI folder, SEG-Y or SU, as samples `[S, T, R]`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from datagen.config import Survey
from datagen.errors import InputError
from datagen.files.npy_files import map_npy
from datagen.files.npy_series import NpySeries
from datagen.files.openfwi import find_shots
from datagen.files.regular_files import regular_file
from datagen.traces.lines import Places
from datagen.traces.segy_shots import SegyShots
from datagen.traces.trace_file import trace_files


@dataclass(frozen=True, kw_only=True)
class RecordedShots:
    """Shots in files, and what the files contain about the survey."""

    path: Path
    samples: int
    shape: tuple[int, ...]  # [S, T, R] of a sample
    read: Callable[[int, int], NDArray[Any]]  # first, count → [count, S, T, R]; nothing stays in memory
    single: bool = False  # an .npy of one sample without an axis of samples
    interval: float | None = None  # [s] between time samples, if it is in the files
    delay: float = 0.0  # [s] of the first sample
    places: Places | None = None  # if they are in the files
    files: tuple[Path, ...] = ()
    headers: bool = False  # the format has headers, which ought to say the interval
    problems: tuple[str, ...] = ()  # why these are no samples of the survey wanted: nothing may be read


def open_shots(path: Path, survey: Survey, interval: float | None = None) -> RecordedShots:
    """The shots at `path`; SEG-Y and SU are cut into samples with the number of shots of the survey.

    `interval` [s] counts more than the file's, when delays are applied.  What cannot be cut so has `problems`.

    Raises InputError: nothing there, no shots in it, or damaged.
    """
    if segy := trace_files(path):
        return of_segy(path, SegyShots(segy, survey.shots, survey.receivers, interval=interval))
    return of_series(path, NpySeries(find_shots(path))) if path.is_dir() else _of_npy(path)


def of_segy(path: Path, shots: SegyShots) -> RecordedShots:
    return RecordedShots(
        path=path,
        samples=shots.samples,
        shape=shots.shape,
        read=shots.read,
        interval=shots.interval,
        delay=shots.delay,
        places=shots.places,
        files=shots.files,
        headers=True,
        problems=tuple(shots.problems),
    )


def of_series(path: Path, series: NpySeries) -> RecordedShots:
    if len(series.shape) != 3:
        raise InputError(f"shots {path}: samples of shape {series.shape}; allowed: [S, T, R]")
    return RecordedShots(path=path, samples=series.samples, shape=series.shape, read=series.read, files=series.files)


def _of_npy(file: Path) -> RecordedShots:
    regular_file(file)
    try:
        shots = map_npy(file)
    except (OSError, ValueError) as error:
        raise InputError(f"shots {file}: not a .npy array of numbers: {error}") from None
    if shots.dtype.kind not in "fiu":
        raise InputError(f"shots {file}: holds {shots.dtype}; allowed is one .npy array of real numbers")
    if shots.ndim not in (3, 4) or not shots.size:
        raise InputError(f"shots {file}: shape {shots.shape}; allowed: [S, T, R] or [N, S, T, R] with N > 0")
    if shots.ndim == 4:
        return of_series(file, NpySeries([file]))
    one = shots[None]
    return RecordedShots(
        path=file, samples=1, shape=shots.shape, read=lambda first, count: one, single=True, files=(file,)
    )
