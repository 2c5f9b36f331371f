"""Features of recorded gathers that the acoustic wave equation lacks: surface waves, hum, uneven noise.

    surface waves   several modes from the source on, slower than the first breaks, dispersive,
                        U(f, d) = A(f) exp(−2πi f (t₀ + p(f) d) − q f d) / (1 + d)^½,     p(f) = p₀ (f/f₀)^κ
    noise           of different level and band on each trace, and one hum on all traces

d is the distance from the first trace that breaks, in traces: a recorded gather need not know its receivers.
"""

from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft, rfftfreq

MODES = (2, 7)
PEAK = (15.0, 80.0)  # [Hz] of a mode
BAND = 500.0  # [Hz] of all modes
SLOWER = (1.4, 5.0)  # slowness of a mode over that of the first breaks
SLOWEST = 1.15  # the least that dispersion leaves of it
DISPERSION = (0.0, 0.8)  # κ
STRENGTH = (-20.0, 14.0)  # [dB] of a mode over the median trace
NOISE = (-40.0, 0.0)  # [dB] of the median trace's noise below it
UNEVEN = 1.0  # standard deviation of the logarithm of the traces' noise levels
HUM = (-30.0, 10.0)  # [dB] over the other noise
HUM_PEAK = (20.0, 500.0)  # [Hz]

SILENT = 1e-30

Array = NDArray[Any]


def with_field_noise(gather_TR: Array, picks_R: Array, interval: float, draw: Generator) -> Array:
    """The gather [T, R], `interval` seconds a sample, as a recording of it; first breaks [R] in samples keep theirs.

    A gather without first breaks has no origin for surface waves and gets only noise.
    """
    picked_P = np.flatnonzero(np.isfinite(picks_R))
    if len(picked_P) > 1:
        gather_TR = gather_TR + _surface_waves(gather_TR, picks_R[picked_P], picked_P, interval, draw)
    return np.asarray(gather_TR + _noise(gather_TR, interval, draw), np.float32)


def _level(gather_TR: Array) -> float:
    """Root mean square of the median trace."""
    return float(np.median(np.sqrt(np.square(gather_TR).mean(0))))


def _surface_waves(gather_TR: Array, picks_P: Array, picked_P: Array, interval: float, draw: Generator) -> Array:
    samples, receivers = gather_TR.shape
    first = int(np.argmin(picks_P))
    distance_R = np.abs(np.arange(receivers) - picked_P[first])
    slowness = interval * max(1.0, float(np.median(np.abs(np.diff(picks_P) / np.diff(picked_P)))))  # [s a trace]
    padded = next_fast_len(5 * samples, real=True)  # the slowest leave the record and must not come in again
    frequency_F1 = rfftfreq(padded, interval)[:, None].astype(np.float32)
    frequency_F1 = frequency_F1[: np.searchsorted(frequency_F1[:, 0], BAND)]
    waves_TR = np.zeros_like(gather_TR)
    for _ in range(draw.integers(MODES[0], MODES[1], endpoint=True)):
        peak = draw.uniform(*PEAK)
        relative_F1 = frequency_F1.clip(10, 150) / peak
        slow_F1 = np.maximum(draw.uniform(*SLOWER) * relative_F1 ** draw.uniform(*DISPERSION), SLOWEST) * slowness
        spectrum_F1 = np.exp(-((np.log(frequency_F1.clip(1) / peak) / draw.uniform(0.3, 0.8)) ** 2))
        time_FR = picks_P[first] * interval + 0.8 / peak + slow_F1 * distance_R  # the wavelet is as long before it
        decay_FR = draw.uniform(0, 0.02) / peak * frequency_F1 * distance_R
        phase = 1j * draw.uniform(0, 2 * np.pi)
        spread_R = (1 + distance_R) ** -draw.uniform(0, 1)
        swing_FR = (-2j * np.pi * frequency_F1 * time_FR + phase - decay_FR).astype(np.complex64)
        mode_FR = spectrum_F1 * np.exp(swing_FR) * spread_R
        mode_TR = irfft(mode_FR.astype(np.complex64), padded, axis=0)[:samples]
        strength = 10 ** (draw.uniform(*STRENGTH) / 20) * _level(gather_TR)
        waves_TR += strength / max(_level(mode_TR), SILENT) * mode_TR
    return waves_TR


def _noise(gather_TR: Array, interval: float, draw: Generator) -> Array:
    samples, receivers = gather_TR.shape
    frequency_F = rfftfreq(samples, interval)
    highest = 10 ** draw.uniform(1.2, 3.3)  # [Hz]
    own_TR = irfft(
        rfft(draw.standard_normal((samples, receivers)), axis=0) * np.exp(-((frequency_F / highest) ** 2))[:, None],
        samples,
        axis=0,
    )
    peaked_F = np.exp(-((np.log(frequency_F.clip(1) / draw.uniform(*HUM_PEAK)) / 0.2) ** 2))
    hum_T = irfft(rfft(draw.standard_normal(samples)) * peaked_F, samples)
    hum_TR = hum_T[:, None] * np.exp(draw.normal(0, 0.3, receivers))
    both_TR = own_TR / own_TR.std() + 10 ** (draw.uniform(*HUM) / 20) * hum_TR / hum_T.std()
    level_R = 10 ** (draw.uniform(*NOISE) / 20) * np.exp(draw.normal(0, UNEVEN, receivers))
    return np.asarray(_level(gather_TR) * level_R * both_TR)
