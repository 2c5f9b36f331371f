"""The Ricker wavelet that every source sends.

f(t) = (1 − 2a) exp(−a),     a = (π f₀ (t − t₀))²,     t₀ = 1.5 / f₀
"""

import numpy as np
from numpy.typing import NDArray

BAND = 3.5  # times its peak frequency: above it, less than 2e-4 of the peak remains


def peak_time(frequency: float) -> float:
    """t₀ [s] of the wavelet whose spectrum peaks at `frequency` [Hz]: at t = 0 it has 1e-8 of its peak."""
    return 1.5 / frequency


def ricker(frequency: float, interval: float, samples: int) -> NDArray[np.float64]:
    """f at t = 0, Δt, 2Δt …  [T], with Δt = `interval` [s] and f₀ = `frequency` [Hz]; its peak is +1."""
    time = np.arange(samples) * interval
    a = (np.pi * frequency * (time - peak_time(frequency))) ** 2
    return np.asarray((1 - 2 * a) * np.exp(-a))
