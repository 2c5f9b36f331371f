"""Samples in several .npy files, `[n, …]` each, as one long array that is read piece by piece."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datagen.errors import InputError
from datagen.files.npy_files import map_npy
from datagen.files.regular_files import regular_file


class NpySeries:
    """Files one after another; the header and length of each are checked before anything is read.

    `samples` in all, `shape` of one.  Raises InputError: a file is missing, truncated, no array of numbers, or
    its samples differ in shape from those of the first file.
    """

    interval: float | None = None  # [s] between time samples: an .npy does not store it

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = tuple(files)
        arrays = [open_npy(path) for path in files]
        self.shape: tuple[int, ...] = arrays[0].shape[1:]
        for path, array in zip(files, arrays, strict=True):
            if array.shape[1:] != self.shape:
                raise InputError(
                    f"{path}: samples of shape {array.shape[1:]}, those of {files[0]} have {self.shape}; "
                    "all files must be alike"
                )
        self._ends = np.cumsum([len(array) for array in arrays])
        self.samples = int(self._ends[-1])

    def read(self, first: int, count: int) -> NDArray[Any]:
        """Samples `first` … as `[count, …]`."""
        end = first + count
        pieces = []
        for number in range(self._file_number(first), self._file_number(end - 1) + 1):
            start = self._start(number)
            pieces.append(open_npy(self.files[number])[max(0, first - start) : end - start])
        return np.concatenate(pieces)

    def name(self, sample: int) -> str:
        """Where a sample comes from, for messages."""
        number = self._file_number(sample)
        return f"{self.files[number]}, sample {sample - self._start(number)}"

    def lengths(self) -> list[int]:
        """Samples in each file."""
        return [int(length) for length in np.diff(self._ends, prepend=0)]

    def _file_number(self, sample: int) -> int:
        return int(np.searchsorted(self._ends, sample, side="right"))

    def _start(self, number: int) -> int:
        return int(self._ends[number - 1]) if number else 0


def open_npy(path: Path) -> NDArray[Any]:
    """An array of numbers with at least one sample, memory-mapped.  Raises InputError: missing, truncated, other."""
    regular_file(path)
    try:
        array = map_npy(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: truncated or no .npy: {error}") from None
    if array.dtype.kind not in "fiu" or array.ndim < 2 or not array.size:
        raise InputError(f"{path}: holds no samples; allowed: one array of numbers [n, …]")
    return array
