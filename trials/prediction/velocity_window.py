"""A window of the user's velocity model, on a bundle's grid and within the velocities its survey can model."""

import logging
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datagen.config import Data, Grid, VelocityFile
from datagen.errors import InputError
from datagen.files.sections import resample
from datagen.files.velocity_files import open_models, to_metres_per_second, velocity_limits
from datagen.ground.ranges import velocity_range

log = logging.getLogger(__name__)

Array = NDArray[Any]

TOLERANCE = 0.05  # share by which velocities may be changed to suit the survey


def read_velocity(file: Path, shape: str | None, unit: float, axes: str = "") -> Iterator[Array]:
    """Sections `[Z, X]` in m/s, one for each y of a cube, one for a model: `.npy`, SEG-Y, or raw float32.

    `shape` is that of raw floats: "ZxX", or for a cube in the order of `axes`, as "ZxYxX" for zyx.  Values times `unit`
    are m/s.

    Raises InputError: no such file, neither a model nor a cube, of another size than `shape`, or no velocities in m/s.
    """
    if not 0 < unit < math.inf:
        raise InputError(f"unit: got {unit:g}; give the factor to m/s, 1000 for km/s")
    described = VelocityFile(
        path=str(file), shape=_sizes(shape) if shape else (), unit=unit, spacing=(1.0,), axes=_known(axes)
    )
    models = open_models(described)
    if not models.cube and len(models.array) > 1:
        raise InputError(
            f"velocity {file}: holds {len(models.array)} models; allowed: one model [z, x], or a cube, with "
            "its axes in --axes, for example zyx"
        )
    velocity_limits(str(file), models.array, "zyx" if models.cube else "nzx", unit)
    sections_YZX = models.array.swapaxes(0, 1) if models.cube else models.array
    return (to_metres_per_second(section_ZX, described) for section_ZX in sections_YZX)


def cut_window(model_ZX: Array, spacing: float | None, at: str, grid: Grid) -> Array:
    """The part of `model_ZX` whose top left corner is `at`, on `grid`, as `datagen.files.sections.resample`.

    Cells of the model are `spacing` metres wide.  `at` is "depth,distance" in metres.  Raises InputError when
    the window leaves the model.
    """
    if spacing is None or not 0 < spacing < math.inf:
        raise InputError(f"spacing: got {spacing}; give the size of a cell of the velocity model in metres")
    top_left, sizes = corner(at), (grid.nz, grid.nx)
    end = [first + (cells - 1) * grid.spacing for first, cells in zip(top_left, sizes, strict=True)]
    limit = [(cells - 1) * spacing for cells in model_ZX.shape]
    if min(top_left) < 0 or any(last > most * (1 + 1e-9) for last, most in zip(end, limit, strict=True)):
        raise InputError(
            f"at: the window from {at} m to {end[0]:g},{end[1]:g} m leaves the velocity model, which goes "
            f"from 0,0 to {limit[0]:g},{limit[1]:g} m (depth,distance); choose another corner"
        )
    return resample(model_ZX, (spacing, spacing), top_left, grid)


def corner(at: str) -> tuple[float, float]:
    """Depth and distance [m] of a window's top left corner.  Raises InputError."""
    try:
        depth, distance = (float(part) for part in at.split(","))
    except ValueError:
        depth = distance = math.nan
    if not math.isfinite(depth + distance):
        raise InputError(f"at: got {at!r}; write depth,distance in metres, for example 500,3000")
    return depth, distance


def spanning(data: Data, window: Array) -> Data:
    """The recipe with a geology as fast as the window, so that the engine's time steps are short enough."""
    slowest, fastest = velocity_range(data)
    wider = (slowest, max(fastest, float(window.max())))
    return replace(data, velocity_file=None, imported=None, geology=replace(data.geology, velocity=wider))


def within_limits(window: Array, carried: tuple[float, float]) -> Array:
    """The window with its velocities brought to those that the survey can be modelled on; a change is logged.

    Raises InputError if that would change a velocity by more than five per cent.
    """
    slowest, fastest = carried
    lowest, highest = float(window.min()), float(window.max())
    if lowest < (1 - TOLERANCE) * slowest or highest > (1 + TOLERANCE) * fastest:
        raise InputError(
            f"at: velocities there are {lowest:.0f} to {highest:.0f} m/s; the bundle's survey can "
            f"model {slowest:.0f} to {fastest:.0f} m/s; choose another window"
        )
    if lowest < slowest or highest > fastest:
        log.warning(
            "velocities of %.0f to %.0f m/s were limited to %.0f to %.0f m/s, which the survey can carry",
            *(lowest, highest, max(lowest, slowest), min(highest, fastest)),
        )
    return np.clip(window, slowest, fastest)


def _sizes(shape: str) -> tuple[int, ...]:
    try:
        sizes = tuple(int(part) for part in shape.lower().split("x"))
    except ValueError:
        sizes = ()
    if len(sizes) not in (2, 3) or min(sizes) < 1:
        raise InputError(f"shape: got {shape!r}; write ZxX, for example 221x601, or for a cube 201x50x676")
    return sizes


def _known(axes: str) -> str:
    if axes and sorted(axes) not in (["x", "z"], ["x", "y", "z"]):
        raise InputError(f"axes: got {axes!r}; allowed: zx, or the order of a cube's axes, slowest first, as zyx")
    return axes
