"""Gathers with first breaks to learn from: modelled ones of the data set, or recorded ones picked by hand.

    mirrored · polarity · stretched and shifted in time · gain exp(c t/T) · echo ─► field noise ─► effects

Labels move with their gathers.  Each draw depends only on seed, epoch and its number.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.random import Generator, SeedSequence, default_rng
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from datagen.config import Effects
from datagen.dataset import NO_EFFECTS, ShardDataset
from datagen.effects import Streams, check_effects, disturb, receiver_delays
from datagen.errors import InputError
from datagen.traces.gathers import read_recording
from trials.settings.config import Config
from trials.settings.picking import Picking
from trials.training.picking.field_noise import with_field_noise
from trials.training.picking.windows import resampled, same_interval, sample_at, spread_over

# Periods of the wavelet's peak frequency from the eikonal time to the visible onset (datagen/waves/first_breaks.py).
ONSET = 0.7
VARIED = 10  # last number of the spawn key
ECHOES = (0.002, 0.015)  # [s]

Array = NDArray[Any]


class GatherSet(Dataset[tuple[Tensor, Tensor]]):
    """Samples (gather [1, T, R], first breaks [R] in samples, NaN where there is none), float32."""

    def __init__(
        self,
        gathers_NTR: Array,
        picks_NR: Array,
        interval: float,
        *,
        varied: Picking | None = None,
        effects: Effects = NO_EFFECTS,
        seed: int = 0,
    ) -> None:
        self.gathers_NTR, self.picks_NR, self.interval = gathers_NTR, picks_NR, interval
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
        if self.varied is not None:
            pairs = [
                vary(gather, picks, self.varied, self.interval, self._generator(int(index)))
                for gather, picks, index in zip(gathers_BTR, picks_BR, indices, strict=True)
            ]
            gathers_BTR, picks_BR = (np.stack(part) for part in zip(*pairs, strict=True))
        if self.effects != NO_EFFECTS:
            streams = Streams(self.seed, self.epoch, indices)
            gathers_BTR = disturb(gathers_BTR[:, None], self.effects, self.interval, streams)[:, 0]
            picks_BR = picks_BR + receiver_delays(self.effects, picks_BR.shape[1], streams) / self.interval
        return torch.from_numpy(gathers_BTR[:, None]), torch.from_numpy(picks_BR.astype(np.float32))

    def _generator(self, index: int) -> Generator:
        return default_rng(SeedSequence(self.seed, spawn_key=(self.epoch, index, VARIED)))


def vary(gather_TR: Array, picks_R: Array, picking: Picking, interval: float, draw: Generator) -> tuple[Array, Array]:
    """A gather and its picks as from another place, hammer and distance."""
    samples = len(gather_TR)
    if draw.random() < 0.5:
        gather_TR, picks_R = gather_TR[:, ::-1], picks_R[::-1]
    stretch, shift = draw.uniform(*picking.stretch), draw.uniform(*picking.shift) / interval
    at_T = np.abs((np.arange(samples) - shift) / stretch)  # mirrored before the record's start
    at_T = np.minimum(at_T, 2 * (samples - 1) - at_T).clip(0, samples - 1)  # and beyond its end
    floor_T = np.minimum(at_T.astype(np.int64), samples - 2)
    share_T1 = (at_T - floor_T).astype(np.float32)[:, None]
    varied_TR = (1 - share_T1) * gather_TR[floor_T] + share_T1 * gather_TR[floor_T + 1]
    exponent_T1 = draw.uniform(*picking.gain) * np.arange(samples, dtype=np.float32)[:, None] / samples
    varied_TR *= np.exp(exponent_T1) * (1 if draw.random() < 0.5 else -1)
    later = int(draw.uniform(*ECHOES) / interval)
    varied_TR[later:] += draw.uniform(-picking.echo, picking.echo) * varied_TR[:-later].copy()
    moved_R = picks_R * stretch + shift
    moved_R = np.where((moved_R >= 0) & (moved_R <= samples - 1), moved_R, np.nan)
    if picking.field_noise:
        varied_TR = with_field_noise(varied_TR, moved_R, interval, draw)
    return varied_TR, moved_R


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
        picks_NR = (times_MSR.flatten(0, 1).numpy() + ONSET / survey.frequency) / survey.interval
        picks_NR[picks_NR > survey.samples - 1] = np.nan
    if not varied:
        return GatherSet(gathers_NTR, picks_NR, survey.interval)
    check_effects(config.effects, config.data)
    return GatherSet(
        gathers_NTR, picks_NR, survey.interval, varied=config.picking, effects=config.effects, seed=config.seed
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
        gather_TR = resampled(np.nan_to_num(recording.gathers[index]), interval, survey.interval, survey.samples)
        label_R = sample_at(recording.first_breaks[index] - recording.starts[index], interval, survey.interval)
        label_R = np.where((label_R >= 0) & (label_R < survey.samples), label_R, np.nan)
        for window in spread_over(gather_TR.shape[1], survey.receivers):
            missing = survey.receivers - len(window)
            gathers.append(np.pad(gather_TR[:, window], ((0, 0), (0, missing))))
            picks.append(np.pad(label_R[window], (0, missing), constant_values=np.nan))
    return np.stack(gathers), np.stack(picks)


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
