"""The input of `predict`: shots in an .npy, an OpenFWI folder, or SEG-Y, as samples `[S, T, R]`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from datagen.errors import InputError
from datagen.files.npy_files import map_npy
from datagen.files.npy_series import NpySeries
from datagen.files.openfwi import find_shots
from datagen.files.regular_files import regular_file
from datagen.files.segy import SEGY_SUFFIXES, SegyGathers
from datagen.files.segy_lines import Places, SegyLines, has_positions
from search_spaces.shape import Shape


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


def open_shots(path: Path, shape: Shape) -> RecordedShots:
    """The shots at `path`; SEG-Y is cut into samples with the number of shots in `shape`.

    Raises InputError: nothing there, no shots in it, or damaged.
    """
    if path.is_dir():
        segy = sorted(file for file in path.iterdir() if file.suffix.lower() in SEGY_SUFFIXES)
        return _of_segy(path, segy, shape) if segy else _of_series(path, NpySeries(find_shots(path)))
    if path.suffix.lower() in SEGY_SUFFIXES:
        return _of_segy(path, [path], shape)
    return _of_npy(path)


def _of_segy(path: Path, files: list[Path], shape: Shape) -> RecordedShots:
    if not all(map(has_positions, files)):
        gathers = SegyGathers(files, shape.shots, shape.receivers)
        return RecordedShots(
            path=path,
            samples=gathers.samples,
            shape=gathers.shape,
            read=gathers.read,
            interval=gathers.interval,
        )
    lines = SegyLines(files, shape.shots, shape.receivers)
    return RecordedShots(
        path=path,
        samples=lines.samples,
        shape=lines.shape,
        read=lines.read,
        interval=lines.interval,
        delay=lines.delay,
        places=lines.places,
    )


def _of_series(path: Path, series: NpySeries) -> RecordedShots:
    if len(series.shape) != 3:
        raise InputError(f"shots {path}: samples of shape {series.shape}; allowed: [S, T, R]")
    return RecordedShots(path=path, samples=series.samples, shape=series.shape, read=series.read)


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
        return _of_series(file, NpySeries([file]))
    one = shots[None]
    return RecordedShots(path=file, samples=1, shape=shots.shape, read=lambda first, count: one, single=True)
