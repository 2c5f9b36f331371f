"""How well modelled shots explain recorded ones: one number for each model, and for each time window of each shot.

    g = 1 / √(running mean of d² over three periods)    gain, of the recorded shots d and given to both
    a = Σ g² d m / Σ g² m²                               scale of each shot: how strong its source was is not known
    misfit = √( Σ g² (d − a m)² / Σ g² d² )              0: explained to the last wiggle; 1: no better than silence

Without the gain the direct wave, tens of times as strong as the reflections behind it, would be all that counts.  Over
the whole record a misfit is at most 1; in a window it may be more, since `a` is that of the whole shot.

Automatic gain control: Yilmaz 2001, Seismic Data Analysis, 1.4; scale by least squares: Pratt 1999, Geophysics 64(3).
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from datagen.config import Survey

WINDOWS = 5
PERIODS = 3  # of the wavelet's peak frequency, over which the gain looks
FLOOR = 0.03  # of a trace's root mean square: the silence before the first arrival is not raised to its level

Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Misfit:
    """Of a few models; NaN for a shot that is silent, or a window of it."""

    whole_N: NDArray[np.float64]  # of all shots of a model
    shots_NS: NDArray[np.float64]
    windows_NSW: NDArray[np.float64]
    scale_NS: NDArray[np.float64]  # a


def measure_misfit(recorded_NSTR: Array, modelled_NSTR: Array, gain_NSTR: Array) -> Misfit:
    recorded_NSTR, modelled_NSTR = gain_NSTR * recorded_NSTR, gain_NSTR * modelled_NSTR
    with np.errstate(divide="ignore", invalid="ignore"):
        scale_NS = _energy(recorded_NSTR, modelled_NSTR) / _energy(modelled_NSTR, modelled_NSTR)
        rest_NSTR = recorded_NSTR - np.nan_to_num(scale_NS)[:, :, None, None] * modelled_NSTR
        edges = window_edges(recorded_NSTR.shape[2])
        spans = [slice(first, last) for first, last in pairwise(edges)]
        rest_NSW, all_NSW = (
            np.stack([_energy(each[:, :, span], each[:, :, span]) for span in spans], axis=-1)
            for each in (rest_NSTR, recorded_NSTR)
        )
        return Misfit(
            whole_N=np.sqrt(rest_NSW.sum((1, 2)) / all_NSW.sum((1, 2))),
            shots_NS=np.sqrt(rest_NSW.sum(2) / all_NSW.sum(2)),
            windows_NSW=np.sqrt(rest_NSW / all_NSW),
            scale_NS=scale_NS,
        )


def window_edges(samples: int) -> list[int]:
    """First sample of each window, and the end; they are equally long, as far as samples allow."""
    return [int(edge) for edge in np.linspace(0, samples, WINDOWS + 1)]


def gain(recorded_NSTR: Array, survey: Survey) -> NDArray[np.float64]:
    """g, for each trace by itself; 0 for a dead trace, which then counts nowhere."""
    power_NSTR = np.square(recorded_NSTR, dtype=np.float64)
    length = max(1, round(PERIODS / (survey.frequency * survey.interval)))
    level_NSTR = uniform_filter1d(power_NSTR, length, axis=2, mode="nearest")
    level_NSTR += FLOOR**2 * power_NSTR.mean(axis=2, keepdims=True)
    alive_NSTR = level_NSTR > 0
    return np.where(alive_NSTR, 1 / np.sqrt(np.where(alive_NSTR, level_NSTR, 1.0)), 0.0)


def _energy(a_NSTR: Array, b_NSTR: Array) -> NDArray[np.float64]:
    return np.asarray(np.einsum("nstr,nstr->ns", a_NSTR, b_NSTR))
