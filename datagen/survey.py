"""Where and when: source and receiver nodes, the Ricker wavelet, and what the grid can carry.

  0  ▽ · · · ▽ · · · ▽     sources and receivers evenly spaced over the whole width, at one depth each
     ┌───────────────┐
z ↓  │ nz × nx nodes │   node (i, j) is at depth i h and distance j h
     └───────────────┘
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from datagen.config import Data
from datagen.errors import InputError
from datagen.stencil import courant_limit

POINTS_PER_WAVELENGTH = {4: 16.0, 6: 10.0, 8: 10.0}
"""Fewest grid points in a wavelength at the wavelet's peak frequency, by space order (measured against the
analytic solution: a few per cent of error at a kilometre)."""

ROUNDING = 1e-6  # relative; a setting exactly at its limit is allowed


def ricker(frequency: float, interval: float, samples: int) -> NDArray[np.float64]:
    """Ricker wavelet f(t) = (1 − 2a) exp(−a), a = (π `frequency` (t − t₀))², at t = 0, Δt, 2Δt …  [T].

    Its peak is +1 at t₀ = 1.5 / `frequency` [s], the onset (1e-8 of the peak) at t = 0.
    """
    time = np.arange(samples) * interval
    a = (np.pi * frequency * (time - 1.5 / frequency)) ** 2
    return np.asarray((1 - 2 * a) * np.exp(-a))


def source_columns(data: Data) -> NDArray[np.int64]:
    """Grid column of each source [S]: evenly spaced over the width, rounded to the nearest node."""
    return _spread(data.survey.shots, data.grid.nx)


def receiver_columns(data: Data) -> NDArray[np.int64]:
    """Grid column of each receiver [R]: evenly spaced over the width, rounded to the nearest node."""
    return _spread(data.survey.receivers, data.grid.nx)


def source_row(data: Data) -> int:
    """Grid row of the sources."""
    return round(data.survey.source_depth / data.grid.spacing)


def receiver_row(data: Data) -> int:
    """Grid row of the receivers."""
    return round(data.survey.receiver_depth / data.grid.spacing)


def _spread(count: int, nx: int) -> NDArray[np.int64]:
    positions = np.linspace(0, nx - 1, count) if count > 1 else np.array([(nx - 1) / 2])
    return np.asarray(np.rint(positions), np.int64)


def check_survey(data: Data) -> None:
    """Everything that can be known before a model exists.

    Raises InputError: more sources or receivers than columns, a depth between two grid rows or below the
    grid, or a geology whose velocities the grid and time step cannot carry.
    """
    _check_positions(data)
    lowest, highest = data.geology.velocity
    if data.salt.probability > 0:
        highest = max(highest, data.salt.velocity)
    check_stability(data, highest)
    check_sampling(data, lowest)


def _check_positions(data: Data) -> None:
    survey, grid = data.survey, data.grid
    for name, count in (("shots", survey.shots), ("receivers", survey.receivers)):
        if count > grid.nx:
            raise InputError(
                f"data.survey.{name}: {count} is more than the {grid.nx} columns of the grid; "
                f"set data.survey.{name} to at most {grid.nx} or raise data.grid.nx"
            )
    deepest = (grid.nz - 1) * grid.spacing
    for name, depth in (("source_depth", survey.source_depth), ("receiver_depth", survey.receiver_depth)):
        nearest = min(round(depth / grid.spacing) * grid.spacing, deepest)
        if abs(depth - nearest) > ROUNDING * grid.spacing:
            raise InputError(
                f"data.survey.{name}: {depth:g} m is not a grid row; allowed are the multiples of "
                f"data.grid.spacing {grid.spacing:g} m from 0 to {deepest:g} m; the nearest is {nearest:g} m"
            )


def check_stability(data: Data, fastest: float) -> None:
    """The time step must not outrun the grid: v Δt / h ≤ the Courant limit of the space order.

    `fastest` velocity in m/s.  Raises InputError.
    """
    survey, spacing = data.survey, data.grid.spacing
    limit = courant_limit(survey.space_order)
    courant = fastest * survey.interval / spacing
    if courant > limit * (1 + ROUNDING):
        raise InputError(
            f"data.survey.interval: {survey.interval:g} s is unstable at {fastest:g} m/s "
            f"on a {spacing:g} m grid: v Δt / h = {courant:.3f}, at most {limit:.3f} is allowed "
            f"at space_order {survey.space_order}; "
            f"set data.survey.interval to at most {_round_down(limit * spacing / fastest):g} s"
        )


def check_sampling(data: Data, slowest: float) -> None:
    """The shortest waves must be carried by enough grid points: v / (f h) ≥ POINTS_PER_WAVELENGTH.

    `slowest` velocity in m/s.  Raises InputError.
    """
    survey, spacing = data.survey, data.grid.spacing
    needed = POINTS_PER_WAVELENGTH[survey.space_order]
    points = slowest / (survey.frequency * spacing)
    if points < needed * (1 - ROUNDING):
        raise InputError(
            f"data.survey.frequency: {survey.frequency:g} Hz gives {points:.1f} grid points a wavelength at "
            f"{slowest:g} m/s on a {spacing:g} m grid, space_order {survey.space_order} needs {needed:g}; "
            f"set data.survey.frequency to at most {_round_down(slowest / (needed * spacing)):g} Hz "
            f"or data.grid.spacing to at most {_round_down(slowest / (needed * survey.frequency)):g} m"
        )


def _round_down(value: float) -> float:
    """To three digits, never above the limit it is meant to keep."""
    scale = 10.0 ** (np.floor(np.log10(value)) - 2)
    return float(np.floor(value / scale * (1 + ROUNDING)) * scale)


def check_velocity(data: Data, velocity_MZX: ArrayLike) -> None:
    """Velocity models [M, Z, X] in m/s must fit the grid, be finite and positive, and obey both limits above.

    Raises InputError.
    """
    velocity = np.asarray(velocity_MZX)
    expected = (data.grid.nz, data.grid.nx)
    if velocity.ndim != 3 or velocity.shape[1:] != expected:
        raise InputError(
            f"velocity: shape {velocity.shape}, expected (models, {expected[0]}, {expected[1]}) as data.grid"
        )
    if velocity.shape[0] == 0:
        raise InputError("velocity: no model given")
    wrong = ~(np.isfinite(velocity) & (velocity > 0))
    if wrong.any():
        model, row, column = np.argwhere(wrong)[0]
        raise InputError(
            f"velocity: {velocity[model, row, column]} m/s in model {model} at row {row}, column {column}; "
            "every value must be finite and above 0 m/s"
        )
    check_stability(data, float(velocity.max()))
    check_sampling(data, float(velocity.min()))
