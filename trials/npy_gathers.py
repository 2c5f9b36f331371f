"""Gathers of a file, until the readers of all formats are here."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datagen.errors import InputError


def read_gathers(path: str | Path) -> tuple[NDArray[np.float32] | list[NDArray[np.float32]], float | None]:
    """Gathers `[S, T, R]` of an .npy and their sampling interval, which it does not tell.

    Raises InputError: no such file, or no array of numbers of two to four axes.
    """
    try:
        array = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path}: truncated, or no array of numbers: {error}") from None
    if array.dtype.kind not in "fiu" or array.ndim not in (2, 3, 4) or array.size == 0:
        raise InputError(f"{path}: holds {array.dtype}{list(array.shape)}; allowed: [T, R], [S, T, R], [N, S, T, R]")
    return array.reshape(-1, *array.shape[-2:]).astype(np.float32), None
