"""The picker to beat: STA/LTA finds roughly where the energy rises, AIC finds the sample.

    ratio(t) = mean x² over [t, t + sta) / mean x² over [t − lta, t)            pick: the first above `threshold`,
                                                                                 or else the largest
    AIC(k) = k log var x[:k] + (n − k) log var x[k:]                             pick: its minimum, in a window around

Allen 1978 (BSSA 68); Maeda 1985 for AIC on the samples themselves.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trials.prediction.picking.picks import GatherPicks

Array = NDArray[Any]

STA = (0.001, 0.002, 0.004)  # [s]
LTA = (0.005, 0.01, 0.02)  # [s]
THRESHOLD = (2.0, 4.0, 8.0, 16.0, np.inf)
WINDOW = (0.0, 0.005, 0.01, 0.02)  # [s] on each side; 0: no AIC
QUIET = 1e-6  # of a trace's mean square, under both means: a trace without noise has no ratio


@dataclass(frozen=True, kw_only=True)
class Classical:
    """Lengths in seconds."""

    sta: float
    lta: float
    threshold: float
    window: float

    def __call__(self, gather_TR: Array, interval: float, start: float | Array = 0.0) -> GatherPicks:
        """Picks of a gather sampled every `interval` seconds from `start` [s] on; none if dead or before the shot.

        The confidence is how far the root mean square of an LTA before the pick is below that of one after it.
        """
        at_R = self.samples(gather_TR, interval)
        time_R = start + at_R * interval
        none_R = np.isnan(at_R) | (time_R < 0)
        rise_R = _rise(gather_TR, np.nan_to_num(at_R).astype(np.int64), max(2, round(self.lta / interval)))
        return GatherPicks(time_R=np.where(none_R, np.nan, time_R), confidence_R=np.where(none_R, 0.0, rise_R))

    def samples(self, gather_TR: Array, interval: float) -> NDArray[np.float64]:
        """Picks [R] in samples; NaN for a dead trace."""
        coarse_R = first_above(energy_ratio(gather_TR, self.sta, self.lta, interval), self.threshold)
        reach = round(self.window / interval)
        pairs = zip(gather_TR.T, coarse_R, strict=True)
        picks_R = np.array([least_aic(trace_T, around, reach) for trace_T, around in pairs]) if reach > 1 else coarse_R
        return np.where(np.ptp(gather_TR, axis=0) == 0, np.nan, picks_R.astype(np.float64))


DEFAULT = Classical(sta=0.001, lta=0.02, threshold=4.0, window=0.005)  # of `seisnas pick --classical`


def _rise(gather_TR: Array, at_R: NDArray[np.int64], long: int) -> Array:
    """1 − rms before / rms after, between 0 and 1."""
    total_TR = np.concatenate([np.zeros((1, gather_TR.shape[1])), np.cumsum(np.square(gather_TR, dtype=np.float64), 0)])
    traces, last = np.arange(len(at_R)), len(gather_TR)
    begin_R, end_R = np.maximum(at_R - long, 0), np.minimum(at_R + long, last)
    before_R = (total_TR[at_R, traces] - total_TR[begin_R, traces]) / np.maximum(at_R - begin_R, 1)
    after_R = (total_TR[end_R, traces] - total_TR[at_R, traces]) / np.maximum(end_R - at_R, 1)
    tiny = np.finfo(np.float64).tiny
    return np.asarray(np.clip(1 - np.sqrt((before_R + tiny) / (after_R + tiny)), 0, 1))


def energy_ratio(gather_TR: Array, sta: float, lta: float, interval: float) -> Array:
    """STA over LTA at each sample, [T, R]; 0 within half an LTA of the start."""
    samples = len(gather_TR)
    short, long = max(1, round(sta / interval)), max(2, round(lta / interval))
    power_TR = np.square(gather_TR - gather_TR.mean(0), dtype=np.float64)
    total_TR = np.concatenate([np.zeros((1, power_TR.shape[1])), np.cumsum(power_TR, axis=0)])
    now = np.arange(samples)
    before, after = np.maximum(now - long, 0), np.minimum(now + short, samples)
    quiet_R = QUIET * power_TR.mean(0) + np.finfo(np.float64).tiny
    sta_TR = (total_TR[after] - total_TR[now]) / (after - now)[:, None]
    lta_TR = (total_TR[now] - total_TR[before]) / np.maximum(now - before, 1)[:, None]
    ratio_TR = (sta_TR + quiet_R) / (lta_TR + quiet_R)
    ratio_TR[: long // 2] = 0
    return np.asarray(ratio_TR)


def first_above(ratio_TR: Array, threshold: float) -> NDArray[np.int64]:
    """The first sample above `threshold`, or the largest if none is, [R]."""
    above_TR = ratio_TR > threshold
    return np.asarray(np.where(above_TR.any(0), above_TR.argmax(0), ratio_TR.argmax(0)), np.int64)


def least_aic(trace_T: Array, around: int, reach: int) -> int:
    """The sample within `reach` of `around` that best splits the window into two of different variance."""
    start, end = max(0, around - reach), min(len(trace_T), around + reach)
    window = trace_T[start:end].astype(np.float64)
    n = len(window)
    if n < 5 or np.ptp(window) == 0:
        return around
    k = np.arange(1, n)
    sums, squares = np.cumsum(window), np.cumsum(window**2)
    left = squares[:-1] / k - (sums[:-1] / k) ** 2
    right = (squares[-1] - squares[:-1]) / (n - k) - ((sums[-1] - sums[:-1]) / (n - k)) ** 2
    floor = 1e-12 * window.var() + np.finfo(np.float64).tiny
    aic = k * np.log(np.maximum(left, floor)) + (n - k) * np.log(np.maximum(right, floor))
    return start + int(k[1 + aic[1:-1].argmin()])


def fitted(gathers: Sequence[Array], labels: Sequence[Array], interval: float) -> Classical:
    """The settings of the grid with the smallest mean error on these gathers; labels in samples, NaN if missing."""
    label = np.concatenate(list(labels))

    def error(settings: Classical) -> float:
        picks = np.concatenate([settings.samples(gather, interval) for gather in gathers])
        return float(np.nanmean(np.abs(picks - label)))

    grid = [
        Classical(sta=sta, lta=lta, threshold=threshold, window=window)
        for sta, lta, threshold, window in product(STA, LTA, THRESHOLD, WINDOW)
    ]
    return min(grid, key=error)
