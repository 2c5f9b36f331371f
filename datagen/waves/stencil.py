"""Finite-difference weights on a grid of unit spacing, and the largest stable time step they allow.

    u″(x) ≈ Σⱼ (−1)^{j+1} cⱼ δ²ʲ u,     δ² u = u(x+1) − 2u(x) + u(x−1),     j = 1 … p, order 2p

A wave e^{ikx} sees −k̂² = −Σⱼ cⱼ s²ʲ, s = 2 sin(k/2), instead of −k².  Taylor's series, c = 1, 1/12, 1/90, 1/560, is
exact for the longest waves; a fit is best for those in the wavelet, and approaches Taylor's as the grid is refined,
so it converges at the same order.

    u′(x+½) ≈ Σₖ sₖ (u(x+k+1) − u(x−k)),           s = 9/8, −1/24,  order 4

Fornberg 1988, Mathematics of Computation 51; Holberg 1987, Geophysical Prospecting 35 (fitted weights).
"""

from math import comb, factorial, sqrt

import numpy as np

from datagen.waves.wavelet import BAND

STAGGERED_WEIGHTS = (9 / 8, -1 / 24)
FITTED_FOR = 4 / 3  # of the slowest velocity: nearly every model has some

Weights = tuple[float, ...]
"""w₀ … w_p: u″(x) ≈ w₀ u(x) + Σₖ wₖ (u(x+k) + u(x−k))."""


def taylor_weights(order: int) -> Weights:
    """Weights of the even `order` that are exact for polynomials up to it."""
    return _weights([2 * factorial(j - 1) ** 2 / factorial(2 * j) for j in range(1, order // 2 + 1)])


def fitted_weights(order: int, points: float) -> Weights:
    """Weights for a Ricker wavelet of `points` grid points a wavelength, at its peak in the slowest velocity.

    Least squares of k̂²/k² − 1, weighted by the wavelet's power and, as the error of a trace grows with the
    wavelengths travelled, by k².
    """
    peak = 2 * np.pi / (FITTED_FOR * points)
    k = np.linspace(0, min(BAND * peak, np.pi), 501)[1:]
    weight = np.sqrt(k * (k / peak) ** 4 * np.exp(-2 * (k / peak) ** 2))
    first, *others = (weight * (2 * np.sin(k / 2)) ** (2 * j) / k**2 for j in range(1, order // 2 + 1))
    fit = np.linalg.lstsq(np.stack(others, axis=1), weight - first, rcond=None)[0]
    return _weights([1.0, *map(float, fit)])


def _weights(c: list[float]) -> Weights:
    """δ²ʲ written out: (−1)^{j+k} (2j choose j+k) at a distance of k."""
    p = len(c)
    return tuple(sum(-c[j - 1] * (-1) ** k * comb(2 * j, j + k) for j in range(max(k, 1), p + 1)) for k in range(p + 1))


def courant_limit(weights: Weights) -> float:
    """Largest stable v Δt / h on a square grid in two dimensions with second-order time stepping.

    No wave may grow: (v Δt / h)² · 2 k̂² ≤ 4 for the largest k̂ of the stencil, nearly always that of the wave
    which alternates from node to node along both axes.
    """
    k = np.linspace(0, np.pi, 1001)
    centre, *sides = weights
    largest = -float(np.min(centre + 2 * sum(w * np.cos(n * k) for n, w in enumerate(sides, start=1))))
    return 2 / sqrt(2 * largest)
