"""Coefficients of the convolutional perfectly matched layer (CPML) along one axis.

    d = depth in the layer / its width, 0 inside … 1 at the edge
    σ = σ₀ d²,  σ₀ = −3 v ln R / (2 width),     α = π f (1 − d)
    b = exp(−(σ + α) Δt),                       a = σ / (σ + α) (b − 1)

Komatitsch & Martin 2007, Geophysics 72(5), SM155; R is the reflection of a wave of speed v at normal
incidence.  The speed is one constant for every model, so that the coefficients depend on one axis alone and
the discrete operator is exactly reciprocal.
"""

import numpy as np
from numpy.typing import NDArray

SPEED = 3000.0  # [m/s]


def nominal_reflection(width: int) -> float:
    """The R that reflects least from a layer of `width` cells: far below what grazing waves see (0.1 % of a gather
    with 8 cells)."""
    return float(10.0 ** -min(2 + width / 2, 9))


def absorbing_coefficients(
    cells: int, width: int, spacing: float, interval: float, frequency: float, *, shift: float = 0.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """a and b at the `cells` nodes plus `shift` cells (0.5: the half nodes) for layers `width` cells wide.

    `spacing` [m], `interval` [s], `frequency` [Hz] of the wavelet's peak.
    """
    node = np.arange(cells) + shift
    depth = np.clip(np.maximum(width - node, node - (cells - 1 - width)) / width, 0.0, 1.0)
    sigma = -3 * SPEED * np.log(nominal_reflection(width)) / (2 * width * spacing) * depth**2
    alpha = np.pi * frequency * (1 - depth)
    b = np.exp(-(sigma + alpha) * interval)
    a = np.divide(sigma, sigma + alpha, out=np.zeros_like(sigma), where=sigma > 0) * (b - 1)
    return a, b
