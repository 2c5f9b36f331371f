"""True time and the time of the scheme, whose high frequencies run ahead; bands of matrices between them.

    u[t+1] − 2u[t] + u[t−1] = Δt² v² (∇²u + f)        its result at the frequency ω belongs at

    ω′ = (2/Δt) sin(ω Δt / 2),        u(ω) = u_true(ω′)   if   f(ω) = f_true(ω′)

So the wavelet is moved to the scheme's frequencies before modelling and the gather is moved back after it.  Only the
error of the grid remains, however long Δt.  Each step is a matrix that also resamples:

    from scheme   d(t) = ∫ H(ω′) e^{iω′t} Σₙ d[n] e^{−iω(ω′) nΔt} dω′ Δt / 2π
    to scheme     f[n] = ∫ H(ω′) e^{iω nΔt} Σₘ f(mδ) e^{−iω′ mδ} (dω/dω′) dω′ δ / 2π

A factor of iω′ under the second integral gives the slope ∂f/∂t, exact in the band at any δ.

H is 1 in the wavelet's band and falls to 0 as the spectrum of a Kaiser window.  Stork 2013, EAGE; Wang & Xu
2015, Geophysics 80(6); Koene et al. 2018, Geophysical Journal International 213.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import pi, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

Array = NDArray[Any]

ATTENUATION = 80.0  # [dB] of the stop band, and of the ripple in the pass band
ROWS = 64  # of a block: small enough to skip the zeros far from the diagonal


@dataclass(frozen=True)
class Band:
    """A low-pass filter that passes frequencies up to `passed` and none above `stopped` [Hz]."""

    passed: float
    stopped: float

    @property
    def half_length(self) -> float:
        """Half the duration of its impulse response [s] (Kaiser's formula)."""
        return (ATTENUATION - 7.95) / (28.72 * (self.stopped - self.passed))

    def response(self, frequency_F: Array) -> Array:
        """H at `frequency_F` [Hz]: the spectrum of a sinc under a Kaiser window."""
        time = np.linspace(-1, 1, 401) * self.half_length
        cutoff = self.passed + self.stopped
        window = np.kaiser(len(time), 0.1102 * (ATTENUATION - 8.7)) * np.sinc(cutoff * time)
        spectrum_F = np.cos(2 * np.pi * np.outer(frequency_F, time)) @ window
        return np.asarray(spectrum_F * cutoff * (time[1] - time[0]))


def scheme_frequency(omega: Array, step: float) -> Array:
    """ω(ω′) = (2/Δt) asin(ω′Δt / 2) [rad/s]: the scheme's frequency for the true ω′ = `omega`.

    A step of 0 takes the scheme's time as the true one.
    """
    if step == 0:
        return omega
    return np.asarray(2 / step * np.arcsin(omega * step / 2))


def from_scheme(time_T: Array, scheme_time_N: Array, step: float, band: Band, dtype: str) -> "BandedMatrix":
    """Matrix [T, N] from a series of the scheme at `scheme_time_N` to the true one at `time_T` [s].

    Both times are evenly spaced; `step` is the scheme's, which may be shorter than the series'.
    """

    def elements(time_T: Array, scheme_time_N: Array) -> Array:
        omega_F, weight_F = _frequencies(time_T, scheme_time_N, band)
        return _transfer(time_T, omega_F, scheme_time_N, scheme_frequency(omega_F, step), weight_F)

    lead = sqrt(1 - (pi * band.stopped * step) ** 2)  # of the earliest arrival, as a share of its time
    return BandedMatrix(time_T, scheme_time_N, (lead, 1.0), band.half_length, elements, dtype)


def to_scheme(
    scheme_time_N: Array, time_T: Array, step: float, band: Band, dtype: str, *, slope: bool = False
) -> "BandedMatrix":
    """Matrix [N, T] from a true series at `time_T` [s], or its `slope`, to the scheme's at `scheme_time_N`.

    Both times are evenly spaced.
    """

    def elements(scheme_time_N: Array, time_T: Array) -> Array:
        omega_F, weight_F = _frequencies(scheme_time_N, time_T, band)
        weight_F = weight_F / np.sqrt(1 - (omega_F * step / 2) ** 2)  # dω/dω′
        if slope:
            weight_F = weight_F * 1j * omega_F
        return _transfer(scheme_time_N, scheme_frequency(omega_F, step), time_T, omega_F, weight_F)

    lead = sqrt(1 - (pi * band.stopped * step) ** 2)
    return BandedMatrix(scheme_time_N, time_T, (1.0, 1 / lead), band.half_length, elements, dtype)


def _frequencies(out_T: Array, in_N: Array, band: Band) -> tuple[Array, Array]:
    """ω′ [rad/s], dense enough that nothing wraps around in time, and H dω′ δ / π; δ is the series' interval."""
    duration = 2 * (max(out_T[-1], in_N[-1]) - min(out_T[0], in_N[0]) + band.half_length)
    frequency_F = np.arange(np.ceil(band.stopped * duration) + 1) / duration
    weight_F = band.response(frequency_F) * 2 / duration * (in_N[1] - in_N[0])
    weight_F[0] /= 2  # zero has no negative twin
    return 2 * np.pi * frequency_F, weight_F


def _transfer(out_T: Array, out_omega_F: Array, in_N: Array, in_omega_F: Array, weight_F: Array) -> Array:
    outwards_TF = np.exp(1j * np.outer(out_T, out_omega_F)) * weight_F
    inwards_FN = np.exp(-1j * np.outer(in_omega_F, in_N))
    return np.asarray((outwards_TF @ inwards_FN).real)


class BandedMatrix:
    """A matrix [T, N] that is zero except near the diagonal, applied to the series of each shot separately.

    Row t has elements for the times `slopes[0]` t − `half_width` to `slopes[1]` t + `half_width`.
    One thread, and the same bits for a shot whatever the others.
    """

    def __init__(
        self,
        time_T: Array,
        time_N: Array,
        slopes: tuple[float, float],
        half_width: float,
        elements: Callable[[Array, Array], Array],
        dtype: str,
    ) -> None:
        self._length = len(time_T)
        self._threads = ThreadpoolController()
        self._blocks: list[tuple[slice, slice, Array]] = []
        for first in range(0, len(time_T), ROWS):
            rows = slice(first, first + ROWS)
            nearest = slopes[0] * time_T[rows][0] - half_width, slopes[1] * time_T[rows][-1] + half_width
            columns = slice(*np.searchsorted(time_N, nearest))
            if columns.stop - columns.start > 1:
                block = elements(time_T[rows], time_N[columns]).astype(dtype)
                self._blocks.append((rows, columns, block))

    def __matmul__(self, series_BNR: Array) -> Array:
        """[B, N, R] to [B, T, R]; samples beyond the matrix's columns are not used."""
        series_BNR = np.ascontiguousarray(series_BNR)
        result_BTR = np.zeros((len(series_BNR), self._length, series_BNR.shape[2]), series_BNR.dtype)
        with self._threads.limit(limits=1, user_api="blas"):
            for rows, columns, block in self._blocks:
                np.matmul(block, series_BNR[:, columns], out=result_BTR[:, rows])
        return result_BTR
