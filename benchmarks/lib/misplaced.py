"""Where a wrong velocity puts reflectors, and images whose reflectors are put somewhere else on purpose."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import cumulative_trapezoid
from scipy.interpolate import CubicSpline

Array = NDArray[Any]


def depth_errors(true_MZX: Array, wrong_MZX: Array) -> Array:
    """How many cells deeper the reflector of each place lies in wrong velocities [m/s], `[M, Z, X]`.

    The time along the vertical stays the same:  ∫₀ᶻ dζ / v = ∫₀ᶻ' dζ / v'.  Below the last row v' goes on unchanged.
    """
    models, nz, nx = true_MZX.shape
    time_NZ = _times(true_MZX)
    wrong_NZ = _times(np.pad(wrong_MZX, ((0, 0), (0, nz), (0, 0)), mode="edge"))  # a reflector may leave the grid
    depth_Z = np.arange(2 * nz)
    columns = zip(time_NZ, wrong_NZ, strict=True)
    found_NZ = np.stack([np.interp(time_Z, wrong_Z, depth_Z) for time_Z, wrong_Z in columns])
    return np.asarray((found_NZ - depth_Z[:nz]).reshape(models, nx, nz).swapaxes(1, 2))


def _times(velocity_MZX: Array) -> Array:
    """Down each column, `[M · X, Z]`, in cells over m/s."""
    time_MZX = cumulative_trapezoid(1 / velocity_MZX, axis=1, initial=0)
    return np.asarray(time_MZX.swapaxes(1, 2).reshape(-1, velocity_MZX.shape[1]))


def moved(image_MZX: Array, to_Z: Array) -> Array:
    """Images `[M, Z, X]` whose row z has gone to depth `to_Z[z]` [cells], rising with z; by cubic splines."""
    depth_Z = np.arange(image_MZX.shape[1])
    from_Z = np.interp(depth_Z, to_Z, depth_Z)
    return np.asarray(CubicSpline(depth_Z, image_MZX, axis=1)(from_Z), np.float32)


def depth_period(image_MZX: Array) -> float:
    """Length of the waves of images along the depth [cells]: over their mean wavenumber, weighted with the power."""
    padded = 8 * image_MZX.shape[1]
    power_K = (np.abs(np.fft.rfft(image_MZX, padded, axis=1)) ** 2).mean((0, 2))
    return float(power_K.sum() / (np.fft.rfftfreq(padded) @ power_K))
