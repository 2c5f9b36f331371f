"""Variations of a gather with its labels, as from another place, hammer and distance.

    mirrored · polarity · stretched and shifted in time · gain exp(c t/T) · echo · fewer receivers

A pick that leaves the window becomes infinite: its trace breaks before or after it.
"""

from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from trials.settings.picking import Picking

ECHOES = (0.002, 0.015)  # [s]
ELSEWHERE = (-0.6, 1.0)  # of the window: how much later the first breaks are than in the record
SPREADS = (1, 2, 3)  # receivers from one to the next
FEWEST = 6  # receivers

Array = NDArray[Any]


def vary(
    gather_TR: Array, picks_R: Array, samples: int, picking: Picking, interval: float, draw: Generator
) -> tuple[Array, Array]:
    """A gather of `samples` samples and its picks, from one of any length."""
    if draw.random() < 0.5:
        gather_TR, picks_R = gather_TR[:, ::-1], picks_R[::-1]
    stretch, shift = draw.uniform(*picking.stretch), draw.uniform(*picking.shift) / interval
    if draw.random() < picking.elsewhere:
        shift = draw.uniform(*ELSEWHERE) * samples
    varied_TR = _sampled(gather_TR, _inside((np.arange(samples) - shift) / stretch, picks_R, len(gather_TR)))
    exponent_T1 = draw.uniform(*picking.gain) * np.arange(samples, dtype=np.float32)[:, None] / samples
    varied_TR *= np.exp(exponent_T1) * (1 if draw.random() < 0.5 else -1)
    later = int(draw.uniform(*ECHOES) / interval)
    varied_TR[later:] += draw.uniform(-picking.echo, picking.echo) * varied_TR[:-later].copy()
    moved_R = picks_R * stretch + shift
    return varied_TR, np.where((moved_R < 0) | (moved_R > samples - 1), np.inf, moved_R)


def _inside(at_T: Array, picks_R: Array, length: int) -> Array:
    """Times [T, R] within a record of `length` samples.

    Before its start is what precedes the break, to and fro, and beyond its end what follows it.
    """
    last = length - 1
    quiet_R = np.nan_to_num(0.9 * picks_R, nan=0.0, posinf=last).clip(0, last)
    coda_R = np.nan_to_num(0.5 * (picks_R + last), nan=0.5 * last, posinf=0.0).clip(0, last - 1)
    at_TR = np.repeat(at_T[:, None], len(picks_R), axis=1)
    at_TR = np.where(at_TR < 0, _to_and_fro(at_TR, quiet_R), at_TR)
    return np.where(at_TR > last, coda_R + _to_and_fro(at_TR - coda_R, last - coda_R), at_TR)


def _to_and_fro(at_TR: Array, span_R: Array) -> Array:
    """0 … span … 0 … span."""
    there_TR = at_TR % (2 * span_R).clip(1e-6)
    return np.asarray(np.minimum(there_TR, (2 * span_R - there_TR)).clip(0, span_R))


def _sampled(gather_TR: Array, at_TR: Array) -> Array:
    floor_TR = np.minimum(at_TR.astype(np.int64), len(gather_TR) - 2)
    share_TR = (at_TR - floor_TR).astype(np.float32)
    below_TR, above_TR = (np.take_along_axis(gather_TR, floor_TR + step, 0) for step in (0, 1))
    return np.asarray((1 - share_TR) * below_TR + share_TR * above_TR)


def with_fewer_receivers(gather_TR: Array, picks_R: Array, draw: Generator) -> tuple[Array, Array]:
    """Some of the receivers, evenly apart; the others are dead, at the end, as `seisnas pick` fills up a gather."""
    receivers = len(picks_R)
    step = int(draw.choice(SPREADS))
    kept = np.arange(draw.integers(step), receivers, step)
    count = int(draw.integers(min(FEWEST, len(kept)), len(kept), endpoint=True))
    first = int(draw.integers(len(kept) - count, endpoint=True))
    kept = kept[first : first + count]
    fewer_TR, picked_R = np.zeros_like(gather_TR), np.full_like(picks_R, np.nan)
    fewer_TR[:, :count], picked_R[:count] = gather_TR[:, kept], picks_R[kept]
    return fewer_TR, picked_R
