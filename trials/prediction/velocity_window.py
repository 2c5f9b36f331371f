"""A window of somebody's velocity model, on a bundle's grid and within what its survey can be modelled on."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datagen.config import Data, Grid, VelocityFile
from datagen.errors import InputError
from datagen.geology import velocity_range
from datagen.sections import resample
from datagen.survey import carried_velocities
from datagen.velocity_files import open_models, to_metres_per_second, velocity_limits

log = logging.getLogger(__name__)

Array = NDArray[Any]

TOLERANCE = 0.05  # share by which velocities may be changed to what the survey can carry


def read_velocity(file: Path, shape: str | None, unit: float) -> Array:
    """Velocity model `[Z, X]` in m/s from an `.npy`, SEG-Y, or raw float32 of the shape "ZxX".

    Its values times `unit` are m/s.  Raises InputError: no such file, not two axes, of another size than
    `shape`, or no velocities in m/s.
    """
    described = VelocityFile(path=str(file), shape=_sizes(shape) if shape else (), unit=unit, spacing=(1.0,))
    models = open_models(described)
    if models.cube or len(models.array) > 1:
        raise InputError(f"velocity {file}: holds {models.array.shape}; allowed: one model [z, x]")
    velocity_limits(str(file), models.array, "nzx", unit)
    return to_metres_per_second(models.array[0], described)


def cut_window(model_ZX: Array, spacing: float | None, at: str, grid: Grid) -> Array:
    """The part of `model_ZX` whose top left corner is `at`, on `grid`, as `datagen.sections.resample`.

    Cells of the model are `spacing` metres wide.  `at` is "depth,distance" in metres.  Raises InputError when
    the window leaves the model.
    """
    if spacing is None or spacing <= 0:
        raise InputError(f"spacing: got {spacing}; give the size of a cell of the velocity model in metres")
    corner, sizes = _corner(at), (grid.nz, grid.nx)
    end = [first + (cells - 1) * grid.spacing for first, cells in zip(corner, sizes, strict=True)]
    limit = [(cells - 1) * spacing for cells in model_ZX.shape]
    if min(corner) < 0 or any(last > most * (1 + 1e-9) for last, most in zip(end, limit, strict=True)):
        raise InputError(
            f"at: the window from {at} m to {end[0]:g},{end[1]:g} m leaves the velocity model, which goes "
            f"from 0,0 to {limit[0]:g},{limit[1]:g} m (depth,distance); choose another corner"
        )
    return resample(model_ZX, (spacing, spacing), corner, grid)


def spanning(data: Data, window_ZX: Array) -> Data:
    """The recipe with a geology as fast as the window, so that the engine takes short enough time steps."""
    slowest, fastest = velocity_range(data)
    wider = (slowest, max(fastest, float(window_ZX.max())))
    return replace(data, velocity_file=None, imported=None, geology=replace(data.geology, velocity=wider))


def within_limits(window_ZX: Array, data: Data) -> Array:
    """The window with its velocities brought to what the survey can be modelled on; it says so.

    Raises InputError where that would change a velocity by more than five per cent.
    """
    slowest, fastest = carried_velocities(data)
    lowest, highest = float(window_ZX.min()), float(window_ZX.max())
    if lowest < (1 - TOLERANCE) * slowest or highest > (1 + TOLERANCE) * fastest:
        raise InputError(
            f"at: velocities there are {lowest:.0f} to {highest:.0f} m/s; the bundle's survey can be "
            f"modelled on {slowest:.0f} to {fastest:.0f} m/s; choose another window"
        )
    if lowest < slowest or highest > fastest:
        log.warning(
            "velocities of %.0f to %.0f m/s were brought to %.0f to %.0f m/s, which the survey can carry",
            *(lowest, highest, max(lowest, slowest), min(highest, fastest)),
        )
    return np.clip(window_ZX, slowest, fastest)


def _corner(at: str) -> tuple[float, float]:
    try:
        depth, distance = (float(part) for part in at.split(","))
    except ValueError:
        raise InputError(f"at: got {at!r}; write depth,distance in metres, for example 500,3000") from None
    return depth, distance


def _sizes(shape: str) -> tuple[int, int]:
    try:
        nz, nx = (int(part) for part in shape.lower().split("x"))
    except ValueError:
        raise InputError(f"shape: got {shape!r}; write ZxX, for example 221x601") from None
    return nz, nx
