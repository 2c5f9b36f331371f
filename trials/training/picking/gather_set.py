"""Gathers with first breaks to learn from: modelled ones of the data set, or recorded ones picked by hand.

    vary.py ─► field noise ─► fewer receivers ─► effects

Labels move with their gathers; NaN is a trace that nobody picked, infinity one that breaks outside the window.  Each
draw depends only on seed, epoch and its number.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.random import SeedSequence, default_rng
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from datagen.config import Effects, Survey
from datagen.dataset import NO_EFFECTS, ShardDataset
from datagen.effects import Streams, check_effects, disturb, receiver_delays
from datagen.errors import InputError
from datagen.traces.gathers import read_recording
from trials.settings.config import Config
from trials.settings.picking import Picking
from trials.training.picking.field_noise import with_field_noise
from trials.training.picking.vary import vary, with_fewer_receivers
from trials.training.picking.wavelets import visible_onset, with_other_wavelet
from trials.training.picking.windows import OVERLAP_IN_TIME, cut, resampled, same_interval, sample_at, spread_over

VARIED = 10  # last number of the spawn key

Array = NDArray[Any]


class GatherSet(Dataset[tuple[Tensor, Tensor]]):
    """Samples (gather [1, T, R], first breaks [R] in samples), float32.

    Of modelled gathers `picks_NR` are first arrivals, and `ricker` is the frequency [Hz] of their wavelet.
    """

    def __init__(
        self,
        gathers_NTR: Array,
        picks_NR: Array,
        interval: float,
        *,
        ricker: float | None = None,
        varied: Picking | None = None,
        effects: Effects = NO_EFFECTS,
        seed: int = 0,
    ) -> None:
        self.gathers_NTR, self.picks_NR, self.interval, self.ricker = gathers_NTR, picks_NR, interval, ricker
        self.varied, self.effects, self.seed, self.epoch = varied, effects, seed, 0
        self.draws = len(gathers_NTR) if varied is None or varied.draws is None else varied.draws

    def __len__(self) -> int:
        return self.draws

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        gather_B1TR, picks_BR = self.__getitems__([index])
        return gather_B1TR[0], picks_BR[0]

    def __getitems__(self, indices: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Gathers [B, 1, T, R] and first breaks [B, R]."""
        chosen = np.asarray(indices) % len(self.gathers_NTR)
        gathers_BTR, picks_BR = self.gathers_NTR[chosen].astype(np.float32), self.picks_NR[chosen].astype(np.float32)
        pairs = [self._sample(*each) for each in zip(gathers_BTR, picks_BR, indices, strict=True)]
        gathers_BTR, picks_BR = (np.stack(part) for part in zip(*pairs, strict=True))
        if self.effects != NO_EFFECTS:
            streams = Streams(self.seed, self.epoch, indices)
            recorded_B1R = gathers_BTR.any(1, keepdims=True)
            gathers_BTR = recorded_B1R * disturb(gathers_BTR[:, None], self.effects, self.interval, streams)[:, 0]
            picks_BR = picks_BR + receiver_delays(self.effects, picks_BR.shape[1], streams) / self.interval
        return torch.from_numpy(gathers_BTR[:, None]), torch.from_numpy(picks_BR.astype(np.float32))

    def _sample(self, gather_TR: Array, picks_R: Array, index: int) -> tuple[Array, Array]:
        samples, picking = len(gather_TR), self.varied
        draw = default_rng(SeedSequence(self.seed, spawn_key=(self.epoch, int(index), VARIED)))
        if self.ricker is not None:
            if picking is not None and picking.field_noise:
                gather_TR = with_other_wavelet(gather_TR, picks_R, self.ricker, self.interval, draw)
            picks_R = visible_onset(gather_TR, picks_R, self.interval)
        if picking is None:
            return gather_TR, picks_R
        gather_TR, picks_R = vary(gather_TR, picks_R, samples, picking, self.interval, draw)
        if picking.field_noise:
            gather_TR = with_field_noise(gather_TR, picks_R, self.interval, draw)
        return (
            with_fewer_receivers(gather_TR, picks_R, draw) if draw.random() < picking.sparse else (gather_TR, picks_R)
        )


def gather_set(config: Config, split: str, *, varied: bool = False) -> GatherSet:
    """The gathers of a split of the configuration's data set, or those in `picking`; `varied` for training.

    Raises InputError: no such file or data set, no labels, or labels of another shape.
    """
    survey = config.data.survey
    if config.picking.labelled is not None:
        gathers_NTR, picks_NR = _labelled(config, split)
    else:
        shards = ShardDataset(config.data.folder, split, "first_break")
        shots_MSTR, times_MSR = shards.__getitems__(range(len(shards)))
        gathers_NTR = shots_MSTR.flatten(0, 1).numpy()
        picks_NR = times_MSR.flatten(0, 1).numpy() / survey.interval
    ricker = survey.frequency if config.picking.labelled is None else None
    if not varied:
        return GatherSet(gathers_NTR, picks_NR, survey.interval, ricker=ricker)
    check_effects(config.effects, config.data)
    return GatherSet(
        gathers_NTR,
        picks_NR,
        survey.interval,
        ricker=ricker,
        varied=config.picking,
        effects=config.effects,
        seed=config.seed,
    )


def _labelled(config: Config, split: str) -> tuple[Array, Array]:
    """Gathers [N, T, R] and picks [N, R] in samples, as wide and as long as the survey's."""
    picking, survey = config.picking, config.data.survey
    assert picking.labelled is not None
    recording = read_recording(Path(picking.labelled))
    if recording.first_breaks is None:
        raise InputError(
            f"picking.labelled: {picking.labelled} has no labels; allowed is an .npz of gathers [S, T, R] and "
            "first_break_s [S, R] in seconds"
        )
    interval = _interval(recording.interval, picking)
    there = range(len(recording.gathers))
    for name, indices in (("train", picking.train), ("held_out", picking.held_out)):
        if set(indices) - set(there):
            raise InputError(f"picking.{name}: got {list(indices)}, {picking.labelled} has gathers 0 to {there[-1]}")
    if both := set(picking.train) & set(picking.held_out):
        raise InputError(f"picking.held_out: {sorted(both)} are in picking.train too")
    train = picking.train or [index for index in there if index not in picking.held_out]
    gathers, picks = [], []
    for index in train if split == "train" else picking.held_out or train:
        label_R = sample_at(recording.first_breaks[index] - recording.starts[index], interval, survey.interval)
        gather_TR = resampled(_until(recording.gathers[index], label_R, interval, survey), interval, survey.interval)
        for times in spread_over(len(gather_TR), survey.samples, OVERLAP_IN_TIME):
            within_R = (label_R >= times.start) & (label_R < times.start + survey.samples)
            if not within_R.any():
                continue
            moved_R = np.where(within_R | np.isnan(label_R), label_R - times.start, np.inf)
            for traces in spread_over(len(label_R), survey.receivers):
                gathers.append(cut(gather_TR, times, traces, survey.samples, survey.receivers))
                missing = survey.receivers - len(traces)
                picks.append(np.pad(moved_R[traces], (0, missing), constant_values=np.nan))
    if not gathers:
        raise InputError(
            f"picking.labelled: no trace of gathers {train} in {picking.labelled} has a label in its record"
        )
    return np.stack(gathers), np.stack(picks)


def _until(gather_TR: Array, label_R: Array, interval: float, survey: Survey) -> Array:
    """The record up to a window after its last label: what comes later is in no window that is trained on."""
    last = float(np.nanmax(label_R, initial=0.0)) + survey.samples
    return np.nan_to_num(gather_TR[: int(np.ceil(last * survey.interval / interval))])


def _interval(stored: float | None, picking: Picking) -> float:
    """[s] of the labelled gathers, in their file or in the settings.  Raises InputError: in neither, or they differ."""
    given = picking.interval
    if stored is None and given is None:
        raise InputError(
            f"picking.interval: {picking.labelled} has no sampling interval; set picking.interval, in seconds, or save "
            "it in the file as interval"
        )
    if stored is not None and given is not None and not same_interval(stored, given):
        raise InputError(
            f"picking.interval: got {given:g} s, {picking.labelled} has {stored:g} s; leave picking.interval out, or "
            "save the file anew"
        )
    return stored or given or 0.0
