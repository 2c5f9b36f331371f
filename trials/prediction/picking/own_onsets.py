"""Labels for gathers that nobody has picked: where each trace's own energy rises, near where the network looks.

    lag     median of classical pick − network's pick, over the traces of which the network is sure
    onset   least AIC within REACH of the network's pick + lag                              (Maeda 1985)
    label   the onset, if it is within NEAR of the network's pick + lag

The classical picker goes far wrong on single traces; its median over a survey does not.  The network knows which wave
is the first, and is wrong by what its wavelets and its idea of an onset differ from the survey's: by the lag.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datagen.errors import InputError
from datagen.files.whole_files import whole
from datagen.traces.gathers import Gather
from trials.prediction.picking.classical_picker import DEFAULT, least_aic
from trials.prediction.picking.picking_network import PickingNetwork

REACH = 0.008  # [s]
NEAR = 0.003  # [s]
SURE = 0.5  # confidence
FEWEST = 12  # traces with a label: fewer teach nothing, and their median is no lag


@dataclass(frozen=True, kw_only=True)
class Onsets:
    """Labels [s] after the first sample, [R] for each gather, NaN where there is none."""

    labels: list[NDArray[np.float64]]
    lag: float  # [s]

    @property
    def share(self) -> float:
        """Of the traces that have a label."""
        return float(np.isfinite(np.concatenate(self.labels)).mean())


def own_onsets(gathers: Sequence[Gather], interval: float, network: PickingNetwork) -> Onsets:
    """The onsets of gathers `[T, R]` of any size, a sample every `interval` seconds.

    Raises InputError: the network is sure of too few traces.
    """
    found = [network(gather, interval) for gather in gathers]
    time_N = np.concatenate([each.time_R for each in found])
    sure_N = np.concatenate([each.confidence_R for each in found]) >= SURE
    classical_N = interval * np.concatenate([DEFAULT.samples(gather, interval) for gather in gathers])
    apart_N = (classical_N - time_N)[sure_N]
    apart_N = apart_N[np.isfinite(apart_N)]
    if len(apart_N) < FEWEST:
        raise _too_few(len(apart_N), len(time_N))
    lag = float(np.median(apart_N))
    labels = []
    for gather_TR, picks in zip(gathers, found, strict=True):
        expected_R = np.where(picks.confidence_R >= SURE, picks.time_R + lag, np.nan)
        onset_R = _onsets(gather_TR, expected_R, interval)
        labels.append(np.where(np.abs(onset_R - expected_R) <= NEAR, onset_R, np.nan))
    count = int(np.isfinite(np.concatenate(labels)).sum())
    if count < FEWEST:
        raise _too_few(count, len(time_N))
    return Onsets(labels=labels, lag=lag)


def _onsets(gather_TR: Gather, expected_R: NDArray[np.float64], interval: float) -> NDArray[np.float64]:
    """[s]; NaN where nothing is expected within the record."""
    reach, last = round(REACH / interval), len(gather_TR) - 1
    return np.array(
        [
            interval * least_aic(trace_T, round(at / interval), reach) if 0 <= at <= last * interval else np.nan
            for trace_T, at in zip(gather_TR.T, expected_R, strict=True)
        ]
    )


def write_labelled(path: Path, gathers: Sequence[Gather], onsets: Onsets, interval: float) -> None:
    """An .npz as of gathers picked by hand; shorter and narrower gathers are filled up with zeros."""
    samples, receivers = (max(gather.shape[axis] for gather in gathers) for axis in (0, 1))
    filled_STR = np.zeros((len(gathers), samples, receivers), np.float32)
    labels_SR = np.full((len(gathers), receivers), np.nan)
    for shot, (gather_TR, label_R) in enumerate(zip(gathers, onsets.labels, strict=True)):
        filled_STR[shot, : gather_TR.shape[0], : gather_TR.shape[1]] = gather_TR
        labels_SR[shot, : len(label_R)] = label_R
    with whole(path) as part, part.open("wb") as stream:
        np.savez(stream, gathers=filled_STR, first_break_s=labels_SR, interval=interval)


def _too_few(count: int, traces: int) -> InputError:
    return InputError(
        f"pick-train: the network is sure of {count} of {traces} traces, at least {FEWEST} are needed to learn from "
        "their own onsets; give more gathers, or pick some by hand (docs/picking.md)"
    )
