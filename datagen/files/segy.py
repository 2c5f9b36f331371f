"""Velocity models in SEG-Y: sections, or cubes whose headers number inlines and crosslines."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datagen.errors import InputError
from datagen.files.regular_files import check_memory
from datagen.traces.trace_file import open_segy

INLINE, CROSSLINE = 189, 193  # bytes of a trace header


def read_segy_model(path: Path) -> tuple[NDArray[np.float32], str]:
    """Values and order of the axes: `zx`, or `zyx` where headers number inlines (y) and crosslines (x).

    Raises InputError as `open_segy`, and if a trace of the cube is missing or duplicated.
    """
    file = open_segy(path)
    check_memory(path, 8 * file.traces * file.samples)
    inline, crossline, values = file.word(INLINE), file.word(CROSSLINE), file.values()  # [trace, z]
    lines, y = np.unique(inline, return_inverse=True)
    crosses, x = np.unique(crossline, return_inverse=True)
    if len(lines) == 1 or len(crosses) == 1 or (len(lines) == len(values) and len(crosses) == len(values)):
        return values.T, "zx"
    count = np.bincount(y * len(crosses) + x, minlength=len(lines) * len(crosses))
    if (count != 1).any():
        wrong = int(np.argmax(count != 1))
        raise InputError(
            f"{path}: {count[wrong]} traces at inline {lines[wrong // len(crosses)]}, crossline "
            f"{crosses[wrong % len(crosses)]}; a cube has one at each of its {len(lines)} × {len(crosses)} places"
        )
    order = np.lexsort((x, y))
    return values[order].reshape(len(lines), len(crosses), -1).transpose(2, 0, 1), "zyx"
