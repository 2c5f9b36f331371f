"""Velocity models in files: opened without reading them, checked once, identified by their SHA-256.

.npy, raw float32   memory-mapped
SEG-Y               read (segy.py)          ──► Models: stack [n, z, x] or cube [z, y, x]
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datagen.config import Data, VelocityFile
from datagen.errors import InputError
from datagen.files.npy_files import map_npy
from datagen.files.regular_files import regular_file
from datagen.files.segy import read_segy_model
from datagen.files.whole_files import file_sha256
from datagen.traces.trace_file import SEGY_SUFFIXES
from datagen.waves.scheme import derive_scheme
from datagen.waves.survey import check_carried

PLAUSIBLE = (300.0, 8000.0)  # [m/s]
AT_ONCE = 2**22  # cells checked at a time
WATER = (1400.0, 1560.0)  # [m/s]


@dataclass(frozen=True, kw_only=True)
class Models:
    """A file of velocity models, in its own unit."""

    path: str
    array: NDArray[Any]  # [n, z, x], or [z, y, x] of a cube
    cube: bool
    spacing: tuple[float, float, float]  # [m] dz, dy, dx

    @property
    def depth(self) -> int:
        """Nodes in depth."""
        return int(self.array.shape[0 if self.cube else 1])


@lru_cache(maxsize=2)
def open_models(file: VelocityFile) -> Models:
    """Raises InputError: no such file, truncated, not numbers, or `shape` or `axes` do not fit it."""
    path = Path(file.path)
    axes = file.axes
    length = regular_file(path)
    try:
        if file.shape:
            array: NDArray[Any] = _raw(path, file.shape, length)
        elif path.suffix.lower() in SEGY_SUFFIXES:
            array, axes = read_segy_model(path)
        else:
            array = map_npy(path)
    except (OSError, ValueError) as error:
        raise InputError(
            f"velocity {path}: cannot be read: {error}; allowed: .npy, SEG-Y, or raw float32 with its shape "
            "(data.velocity_file.shape, --shape ZxX)"
        ) from None
    if array.dtype.kind not in "fiu" or not array.size:
        raise InputError(f"velocity {path}: holds no array of numbers; allowed: .npy [z, x], [n, z, x], [n, 1, z, x]")
    array, cube = _ordered(path, array, axes)
    return Models(path=file.path, array=array, cube=cube, spacing=_three(path, file, cube))


def _raw(path: Path, shape: tuple[int, ...], size: int) -> NDArray[Any]:
    expected = 4 * math.prod(shape)
    if size != expected:
        raise ValueError(f"{size} bytes, float32 of shape {list(shape)} are {expected}")
    return np.memmap(path, "<f4", "r", shape=shape)


def _ordered(path: Path, array: NDArray[Any], axes: str) -> tuple[NDArray[Any], bool]:
    """The array as [n, z, x], or as [z, y, x] and True if it is a cube."""
    if array.ndim == 4 and array.shape[1] == 1:
        array = array[:, 0]  # as OpenFWI stores models
    axes = axes or {2: "zx", 3: "nzx"}.get(array.ndim, "")
    if len(axes) != array.ndim or sorted(axes) not in (["x", "z"], ["n", "x", "z"], ["x", "y", "z"]):
        raise InputError(
            f"velocity {path}: shape {array.shape} does not fit axes {axes!r}; set data.velocity_file.axes to "
            "the order of its axes, slowest first: zx, nzx (n models), or zyx (a cube)"
        )
    cube = "y" in axes
    if "n" not in axes and not cube:
        array, axes = array[None], f"n{axes}"
    return array.transpose([axes.index(axis) for axis in ("zyx" if cube else "nzx")]), cube


def _three(path: Path, file: VelocityFile, cube: bool) -> tuple[float, float, float]:
    if len(file.spacing) == 1:
        return file.spacing[0], file.spacing[0], file.spacing[0]
    if len(file.spacing) != 2 + cube:
        raise InputError(
            f"velocity {path}: data.velocity_file.spacing has {len(file.spacing)} numbers; give one for all axes, "
            f"or {'(z, y, x) for a cube' if cube else '(z, x)'}"
        )
    return file.spacing[0], file.spacing[-2], file.spacing[-1]


def to_metres_per_second(values: NDArray[Any], file: VelocityFile) -> NDArray[np.float64]:
    """Values of the file in m/s, clipped to `clip`."""
    velocity = np.asarray(values, np.float64) * file.unit
    return velocity if file.clip is None else velocity.clip(*file.clip)


def pinned(data: Data) -> Data:
    """`data` with checksum and range of its velocity file, all of which is checked; `data` itself without a file.

    Raises InputError: as `open_models`; another file than `sha256`; a velocity that is not finite, not
    positive or not plausible, with its place; or velocities that grid and time step cannot carry.
    """
    file = data.velocity_file
    if file is None:
        return data
    models = open_models(file)
    digest = file_sha256(Path(file.path))
    if file.sha256 not in ("", digest):
        raise InputError(
            f"velocity {file.path}: its SHA-256 is {digest}, data.velocity_file.sha256 is {file.sha256}; "
            "give the intended file, or leave sha256 out"
        )
    lowest, highest = velocity_limits(models.path, models.array, "zyx" if models.cube else "nzx", file.unit)
    ends = np.array([lowest, highest]) if file.clip is None else np.clip([lowest, highest], *file.clip)
    data = replace(data, velocity_file=replace(file, sha256=digest, velocity=(float(ends[0]), float(ends[1]))))
    try:
        check_carried(data, derive_scheme(data))
    except InputError as error:
        raise InputError(
            f"velocity {file.path}: goes from {lowest:g} to {highest:g} m/s. {error}; or limit the file's "
            "velocities with data.velocity_file.clip"
        ) from None
    return data


def water_on_top(file: VelocityFile) -> float:
    """Depth [m] down to which all of the file is water; 0 if it is not.  Raises InputError: as `open_models`."""
    models = open_models(file)
    rows_first = models.array if models.cube else models.array.swapaxes(0, 1)
    for row, layer in enumerate(rows_first):
        velocity = np.asarray(layer, np.float64) * file.unit
        if velocity.min() < WATER[0] or velocity.max() > WATER[1]:
            return row * models.spacing[0]
    return models.depth * models.spacing[0]


def velocity_limits(name: str, array: NDArray[Any], axes: str, unit: float) -> tuple[float, float]:
    """Lowest and highest velocity [m/s] of an array; `axes` has a letter for each axis.

    Raises InputError: a value that is not finite and above 0, with its place, or not plausible as m/s.
    """
    lowest, highest = np.inf, -np.inf
    for first, block in _blocks(array):
        wrong = ~(np.isfinite(block) & (block > 0))
        if wrong.any():
            at = np.argwhere(wrong)[0]
            value, at[0] = block[tuple(at)], at[0] + first
            place = ", ".join(f"{axis} {number}" for axis, number in zip(axes, at, strict=True))
            raise InputError(f"velocity {name}: {value} at cell {place}; every value must be finite and above 0")
        lowest, highest = min(lowest, float(block.min()) * unit), max(highest, float(block.max()) * unit)
    if PLAUSIBLE[0] <= lowest and highest <= PLAUSIBLE[1]:
        return lowest, highest
    hint = ""
    if highest < 20:
        hint = "; they look like km/s: give unit 1000"
    elif unit > 1 and PLAUSIBLE[0] <= lowest / unit and highest / unit <= PLAUSIBLE[1]:
        hint = "; they look like m/s: give unit 1"
    raise InputError(
        f"velocity {name}: values from {lowest:g} to {highest:g} m/s; allowed are {PLAUSIBLE[0]:g} to "
        f"{PLAUSIBLE[1]:g} m/s{hint}"
    )


def _blocks(array: NDArray[Any]) -> Iterator[tuple[int, NDArray[Any]]]:
    """(first index, rows) of an array that may be larger than memory."""
    rows = max(1, AT_ONCE // max(1, array[0].size))
    for first in range(0, len(array), rows):
        yield first, array[first : first + rows]
