"""The numerical scheme of a survey, derived once and passed on: stencil, time step, and the velocities they carry.

v Δt / h ≤ limit of the stencil,        v / (f h) ≥ POINTS_PER_WAVELENGTH
"""

from dataclasses import dataclass

from datagen.config import Data
from datagen.ground.ranges import velocity_range
from datagen.waves.stencil import Weights, courant_limit, fitted_weights, taylor_weights

POINTS_PER_WAVELENGTH = {4: 16.0, 6: 10.0, 8: 10.0}
"""Fewest grid points in a wavelength at the wavelet's peak frequency, by space order (measured against the
analytic solution: a few per cent of error at a kilometre)."""

STABLE_SHARE = 0.95  # of the Courant limit


@dataclass(frozen=True, kw_only=True)
class Scheme:
    drawn: tuple[float, float]  # [m/s] lowest and highest velocity that a model of the data set can have
    carried: tuple[float, float]  # [m/s] lowest and highest that grid, wavelet and time step can carry
    weights: Weights  # of the second derivative in space: fitted to the wavelet, or Taylor's
    courant_limit: float  # largest stable v Δt / h
    step: float  # [s] the longest that is stable for all velocities drawn, or `survey.interval`


def derive_scheme(data: Data) -> Scheme:
    survey, spacing, (slowest, fastest) = data.survey, data.grid.spacing, velocity_range(data)
    if survey.dispersion_correction:
        weights = fitted_weights(survey.space_order, slowest / (survey.frequency * spacing))
        limit = courant_limit(weights)
        step = STABLE_SHARE * limit * spacing / fastest
    else:
        weights = taylor_weights(survey.space_order)
        limit, step = courant_limit(weights), survey.interval
    return Scheme(
        drawn=(slowest, fastest),
        carried=(POINTS_PER_WAVELENGTH[survey.space_order] * survey.frequency * spacing, limit * spacing / step),
        weights=weights,
        courant_limit=limit,
        step=step,
    )
