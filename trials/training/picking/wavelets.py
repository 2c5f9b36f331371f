"""Wavelets of field sources on modelled gathers, whose own is a Ricker wavelet, and the label that goes with them.

    x̂(f) ← x̂(f) m̂(f) / r̂(f) · exp(−π f T/Q · (1 + 2i/π ln(F/f)))

    r   the Ricker wavelet that the gather was modelled with
    m   t^n exp(−α t) cos(2π f₀ t + φ): nothing before t = 0, then anything from a click to a swinging geophone
        (Berlage; Aldridge 1990, Geophysics 55); or zero phase, as a vibrator's
    T   time of the first arrival; Q attenuation with its dispersion (Futterman 1962, JGR 67)

People pick where a trace visibly leaves its noise, not when the wavelet's t = 0 arrives.  How long that takes depends
on the wavelet, so the label is read from the trace itself: `visible_onset`.  LEVEL is where recorded traces are at the
onset that AIC finds, without any label: in the median over 2,500 traces of a land survey (docs/picking.md).
"""

from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft, rfftfreq

from datagen.waves.wavelet import peak_time, ricker

LEVEL = 0.25  # of the largest amplitude around it: where a trace visibly begins to move
REACH = 0.03  # [s] from the first arrival in which that amplitude is looked for
EARLY = 0.004  # [s] before it that a wavelet without high frequencies may already be seen
ZERO_PHASE = 0.2  # share of the wavelets
SHORTER = 2.5  # f₀ of those over f₀ of the others, which swing on
SOURCE = (12.0, 150.0)  # [Hz] f₀
DAMPING = (0.7, 4.0)  # α/f₀
RISE = (0.3, 2.0)  # n
QUALITY = (10.0, 200.0)  # Q
WATER = 1e-3  # of the Ricker wavelet's largest amplitude: the least that is divided by
HIGHEST = 2.5  # times the Ricker wavelet's frequency: what of it can be divided by; it fades out without ringing
FADE = 0.01  # [s] at the record's end, whose cut would ring

Array = NDArray[Any]


def with_other_wavelet(gather_TR: Array, arrival_R: Array, frequency: float, interval: float, draw: Generator) -> Array:
    """The gather with another wavelet, shorter by what the old one's delay leaves unknown at its end.

    `arrival_R` are first arrivals of the wavelet's t = 0, in samples; `frequency` [Hz] is the Ricker wavelet's.
    """
    samples = len(gather_TR)
    padded = next_fast_len(2 * samples, real=True)
    frequency_F = rfftfreq(padded, interval)
    old_F = rfft(ricker(frequency, interval, samples), padded)
    water = WATER * np.abs(old_F).max()
    band_F = np.exp(-((frequency_F / (HIGHEST * frequency)) ** 4))
    change_F = _new_wavelet(samples, padded, interval, draw) * band_F * old_F.conj() / (np.abs(old_F) ** 2 + water**2)
    loss_FR = frequency_F[:, None] * interval * np.nan_to_num(arrival_R) * np.pi / draw.uniform(*QUALITY)
    later_F1 = 2j / np.pi * np.log(frequency_F.max() / frequency_F.clip(1))[:, None]
    fade = int(FADE / interval)
    fading_TR = gather_TR.copy()
    fading_TR[samples - fade :] *= np.linspace(1, 0, fade)[:, None]
    spectrum_FR = rfft(fading_TR, padded, axis=0) * change_F[:, None] * np.exp(-loss_FR * (1 + later_F1))
    known = samples - fade - round(peak_time(frequency) / interval)
    return np.asarray(irfft(spectrum_FR, padded, axis=0)[:known], np.float32)


def _new_wavelet(samples: int, padded: int, interval: float, draw: Generator) -> Array:
    """Spectrum [F] of a wavelet that begins at t = 0 and has faded after `samples`: nothing comes round again."""
    time = interval * np.arange(samples)
    source = np.exp(draw.uniform(*np.log(SOURCE)))  # [Hz]
    if draw.random() < ZERO_PHASE:
        return np.asarray(rfft(ricker(SHORTER * source, interval, samples), padded))
    envelope = (time * source) ** draw.uniform(*RISE) * np.exp(-draw.uniform(*DAMPING) * source * time)
    swing = np.cos(2 * np.pi * source * time + draw.uniform(-0.5, 0.5) * np.pi) * np.linspace(1, 0, samples)
    return np.asarray(rfft(envelope * swing, padded))


def visible_onset(gather_TR: Array, arrival_R: Array, interval: float) -> NDArray[np.float64]:
    """When each trace of a clean gather visibly begins to move, [R] in samples; infinite: not within the record.

    The first time at LEVEL of the largest |x| within REACH of the first arrival.  NaN: `arrival_R` is, or the record
    ends in that swing.
    """
    early, reach = round(EARLY / interval), round(REACH / interval)
    onsets = [_onset(trace_T, arrival, early, reach) for trace_T, arrival in zip(gather_TR.T, arrival_R, strict=True)]
    return np.where(np.isnan(arrival_R), np.nan, onsets)


def _onset(trace_T: Array, arrival: float, early: int, reach: int) -> float:
    at = int(min(np.nan_to_num(arrival), len(trace_T)))
    begin = max(0, at - early)
    size_T = np.abs(trace_T[begin : at + reach].astype(np.float64))
    if at >= len(trace_T) or size_T.max() == 0:
        return np.inf
    if len(size_T) < reach // 2:
        return np.nan  # the record ends in the first swing
    wanted = LEVEL * size_T.max()
    at = int(np.argmax(size_T >= wanted))
    return begin + (at if at == 0 else at - 1 + (wanted - size_T[at - 1]) / (size_T[at] - size_T[at - 1]))
