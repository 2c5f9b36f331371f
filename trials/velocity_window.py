"""A window of somebody's velocity model, on a bundle's grid and within what its survey can be modelled on."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from datagen.config import Data, Grid
from datagen.errors import InputError
from datagen.survey import carried_velocities

log = logging.getLogger(__name__)

Array = NDArray[Any]

PLAUSIBLE = (300.0, 8000.0)  # [m/s]
TOLERANCE = 0.05  # share by which velocities may be changed to what the survey can carry


def read_velocity(file: Path, shape: str | None, unit: float) -> Array:
    """Velocity model `[Z, X]` in m/s from an `.npy`, or from raw float32 of the shape "ZxX".

    Its values times `unit` are m/s.  Raises InputError: no such file, not two axes, of another size than
    `shape`, or no velocities in m/s.
    """
    try:
        if shape is None:
            model: Array = np.load(file, allow_pickle=False)
        else:
            model = np.fromfile(file, np.float32).reshape(_sizes(shape))
    except FileNotFoundError:
        raise InputError(f"velocity {file}: no such file") from None
    except InputError:
        raise
    except (OSError, ValueError, EOFError) as error:
        raise InputError(
            f"velocity {file}: cannot be read: {error}; allowed: .npy [z, x], or raw float32 with --shape ZxX"
        ) from None
    if not isinstance(model, np.ndarray) or model.ndim != 2 or model.dtype.kind not in "fiu":
        found = getattr(model, "shape", "no array")
        raise InputError(f"velocity {file}: holds {found}; allowed: one array of numbers [z, x]")
    model = model.astype(np.float64) * unit
    lowest, highest = float(model.min()), float(model.max())
    if not (PLAUSIBLE[0] <= lowest and highest <= PLAUSIBLE[1]):  # also where they are not numbers
        hint = "; they look like km/s: give --unit 1000" if 0 < highest < 20 else ""
        raise InputError(
            f"velocity {file}: values from {lowest:g} to {highest:g} m/s; allowed are {PLAUSIBLE[0]:g} to "
            f"{PLAUSIBLE[1]:g} m/s{hint}"
        )
    return model


def cut_window(model_ZX: Array, spacing: float | None, at: str, grid: Grid) -> Array:
    """The part of `model_ZX` whose top left corner is `at`, on `grid`, by linear interpolation.

    Cells of the model are `spacing` metres wide; a finer model than the grid is smoothed first.  `at` is
    "depth,distance" in metres.  Raises InputError when the window leaves the model.
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
    if grid.spacing > spacing:  # slowness, because it adds up to travel times
        model_ZX = 1 / gaussian_filter(1 / model_ZX, 0.5 * grid.spacing / spacing, mode="nearest")
    rows, columns = (
        (first + np.arange(cells) * grid.spacing) / spacing for first, cells in zip(corner, sizes, strict=True)
    )
    places = np.meshgrid(rows, columns, indexing="ij")
    window_ZX: Array = map_coordinates(model_ZX, places, order=1, mode="nearest")
    return window_ZX


def spanning(data: Data, window_ZX: Array) -> Data:
    """The recipe with a geology as fast as the window, so that the engine takes short enough time steps."""
    slowest, fastest = data.geology.velocity
    wider = (slowest, max(fastest, float(window_ZX.max())))
    return replace(data, geology=replace(data.geology, velocity=wider))


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
