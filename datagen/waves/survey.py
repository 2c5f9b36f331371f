"""What a survey's grid, time step and interval can carry: all checks before modelling.

v Δt / h ≤ limit of the stencil,        v / (f h) ≥ POINTS_PER_WAVELENGTH
"""

import numpy as np
from numpy.typing import ArrayLike

from datagen.config import Data
from datagen.errors import InputError
from datagen.ground.ranges import check_geology
from datagen.waves.scheme import POINTS_PER_WAVELENGTH, Scheme
from datagen.waves.wavelet import BAND

SAMPLES_PER_PERIOD = 2.2  # of the band's highest frequency: a tenth above Nyquist's two

ROUNDING = 1e-6  # relative; a setting exactly at its limit is allowed


def check_survey(data: Data, scheme: Scheme) -> None:
    """All checks that need no velocity model.

    Raises InputError: sources or receivers not in the grid or more than it has columns, an interval too long
    for the wavelet, a geology that does not fit the section or whose velocities the grid and time step cannot carry.
    """
    _check_positions(data)
    _check_interval(data)
    check_geology(data)
    check_carried(data, scheme)


def check_carried(data: Data, scheme: Scheme) -> None:
    """Grid and time step must carry all velocities that `data` can have.  Raises InputError."""
    slowest, fastest = scheme.drawn
    check_stability(data, scheme, fastest)
    check_sampling(data, slowest)


def _check_positions(data: Data) -> None:
    survey, grid = data.survey, data.grid
    for name, count, positions in (
        ("source", survey.shots, survey.source_positions),
        ("receiver", survey.receivers, survey.receiver_positions),
    ):
        counted = "shots" if name == "source" else "receivers"
        if positions and len(positions) != count:
            raise InputError(
                f"data.survey.{name}_positions: {len(positions)} positions, data.survey.{counted} is "
                f"{count}; give as many, or none to have them spread evenly"
            )
        if not positions and count > grid.nx:
            raise InputError(
                f"data.survey.{counted}: {count} is more than the {grid.nx} columns of the grid; "
                f"set data.survey.{counted} to at most {grid.nx}, raise data.grid.nx or give "
                f"data.survey.{name}_positions"
            )
        _check_within(f"{name}_positions", max(positions, default=0.0), (grid.nx - 1) * grid.spacing)
    for name, depth in (("source_depth", survey.source_depth), ("receiver_depth", survey.receiver_depth)):
        _check_within(name, depth, (grid.nz - 1) * grid.spacing)
        if survey.free_surface and depth == 0:
            raise InputError(
                f"data.survey.{name}: 0 m, where the field is zero at a free surface; set data.survey.{name} "
                "above 0 m or data.survey.free_surface to false"
            )


def _check_within(name: str, furthest: float, end: float) -> None:
    if furthest > end * (1 + ROUNDING):
        raise InputError(f"data.survey.{name}: {furthest:g} m is not in the grid, which ends at {end:g} m")


def _check_interval(data: Data) -> None:
    """Samples must resolve all frequencies of the wavelet, up to BAND times its peak."""
    survey = data.survey
    longest = 1 / (SAMPLES_PER_PERIOD * BAND * survey.frequency)
    if survey.interval > longest * (1 + ROUNDING):
        raise InputError(
            f"data.survey.interval: {survey.interval:g} s is too long for a wavelet of "
            f"{survey.frequency:g} Hz; set data.survey.interval to at most {_round_down(longest):g} s"
        )


def check_stability(data: Data, scheme: Scheme, fastest: float) -> None:
    """The time step must not outrun the grid: v Δt / h ≤ the Courant limit of the stencil.

    `fastest` velocity in m/s.  Raises InputError.
    """
    survey, spacing = data.survey, data.grid.spacing
    limit, courant = scheme.courant_limit, fastest * scheme.step / spacing
    if courant <= limit * (1 + ROUNDING):
        return
    if survey.dispersion_correction:
        raise InputError(
            f"velocity: {fastest:g} m/s is above {scheme.carried[1]:.0f} m/s, the fastest that is stable "
            f"with the time step for data.geology.velocity and data.salt.velocity, at most "
            f"{scheme.drawn[1]:g} m/s; raise one of them"
        )
    raise InputError(
        f"data.survey.interval: {survey.interval:g} s is unstable at {fastest:g} m/s "
        f"on a {spacing:g} m grid: v Δt / h = {courant:.3f}, at most {limit:.3f} is allowed "
        f"at space_order {survey.space_order}; "
        f"set data.survey.interval to at most {_round_down(limit * spacing / fastest):g} s "
        "or data.survey.dispersion_correction to true"
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
    """To three digits, never above `value`."""
    scale = 10.0 ** (np.floor(np.log10(value)) - 2)
    return float(np.floor(value / scale * (1 + ROUNDING)) * scale)


def check_velocity(data: Data, scheme: Scheme, velocity_MZX: ArrayLike) -> None:
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
    check_stability(data, scheme, float(velocity.max()))
    check_sampling(data, float(velocity.min()))
