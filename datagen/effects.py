"""What a field survey does to shots: a disturbed copy of the clean ones, for training only.

    clean ─► receivers' clocks ─► + noise ─► dead traces ─► missing shots

Each effect of each sample in each epoch has its own random stream: the draws depend neither on the other samples of
a batch nor on which other effects are on.

A receiver is late or early by the same time in every shot, as with a clock error or loose ground under it.  A trace
can be shifted exactly in time, but not in position, as receivers may lie further apart than half a wavelength: model
position errors with `survey.receiver_positions`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator, SeedSequence, default_rng
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft, rfftfreq

from datagen.config import Data, Effects
from datagen.errors import InputError

JITTER, LEVEL, NOISE, DEAD, MISSING = range(5)  # last number of the spawn key
FURTHEST = 4  # standard deviations of a receiver's clock
RAMP = 32  # least samples over which a trace fades out beyond its end, so that shifting does not ring

Array = NDArray[Any]


@dataclass(frozen=True)
class Streams:
    """The random numbers of a batch: functions of seed, epoch and each sample's index in its split."""

    seed: int
    epoch: int
    indices: Sequence[int]

    def of(self, effect: int) -> list[Generator]:
        """A generator for each sample B."""
        return [
            default_rng(SeedSequence(self.seed, spawn_key=(self.epoch, int(index), effect))) for index in self.indices
        ]


def check_effects(effects: Effects, data: Data) -> None:
    """Raises InputError: no frequency of the records in the noise band, or no shot would be left."""
    survey = data.survey
    if effects.snr_db is not None and not _bins(effects, survey.samples, survey.interval):
        lowest, highest = 1 / (survey.samples * survey.interval), 1 / (2 * survey.interval)
        raise InputError(
            f"effects.noise_band: {list(effects.noise_band)} Hz holds no frequency of records of {survey.samples} "
            f"samples every {survey.interval:g} s: {lowest:.3g}, {2 * lowest:.3g} … below {highest:g} Hz"
        )
    if effects.missing_shots[1] >= survey.shots:
        raise InputError(
            f"effects.missing_shots: up to {effects.missing_shots[1]} of data.survey.shots = {survey.shots}; "
            f"at most {survey.shots - 1} can be missing"
        )


def disturb(shots_BSTR: Array, effects: Effects, interval: float, streams: Streams) -> Array:
    """Shots [B, S, T, R], float32, `interval` seconds a sample, with the effects; the same array where all are off."""
    if effects.receiver_jitter:
        fade = RAMP + int(np.ceil(FURTHEST * effects.receiver_jitter / interval))
        shots_BSTR = _delayed(shots_BSTR, receiver_delays(effects, shots_BSTR.shape[3], streams), interval, fade)
    if effects.snr_db is not None:
        level_B = _noise_level(shots_BSTR, effects.snr_db, streams)
        shots_BSTR = shots_BSTR + level_B[:, None, None, None] * _noise(shots_BSTR.shape, effects, interval, streams)
    alive_BSR = _recorded(shots_BSTR.shape, effects, streams)
    return shots_BSTR if alive_BSR.all() else shots_BSTR * alive_BSR[:, :, None]


def receiver_delays(effects: Effects, receivers: int, streams: Streams) -> NDArray[np.float32]:
    """By how much each receiver is late [s], [B, R]: a first-break label is late by as much."""
    delay_BR = np.stack([generator.standard_normal(receivers, np.float32) for generator in streams.of(JITTER)])
    return delay_BR.clip(-FURTHEST, FURTHEST) * np.float32(effects.receiver_jitter)


def _delayed(shots_BSTR: Array, delay_BR: Array, interval: float, fade: int) -> Array:
    """u(t − delay) = F⁻¹ U(ω) exp(−iω delay), between samples too; beyond its end u fades out in `fade` samples."""
    samples = shots_BSTR.shape[2]
    padded = next_fast_len(samples + 2 * fade, real=True)
    faded = np.pad(shots_BSTR, ((0, 0), (0, 0), (0, fade), (0, 0)), mode="linear_ramp")
    omega_F = 2 * np.pi * rfftfreq(padded, interval)
    phase_BFR = np.exp(-1j * omega_F[:, None] * delay_BR[:, None]).astype(np.complex64)
    spectrum_BSFR = rfft(faded, padded, axis=2) * phase_BFR[:, None]
    return np.asarray(irfft(spectrum_BSFR, padded, axis=2)[:, :, :samples])


def _bins(effects: Effects, samples: int, interval: float) -> range:
    """Frequencies of the record in the noise band, in 1 / its length; neither 0 nor Nyquist's."""
    lowest, highest = (frequency * samples * interval for frequency in effects.noise_band)
    return range(max(1, int(np.ceil(lowest))), min(int(np.floor(highest)) + 1, (samples + 1) // 2))


def _noise_level(shots_BSTR: Array, snr_db: tuple[float, float], streams: Streams) -> NDArray[np.float32]:
    """Root mean square of the noise [B]: the same on all traces, and under the *median* trace of a sample.

    The mean would follow the trace at the source, whose strength depends on how fine the grid is.
    """
    ratio_B = np.array([generator.uniform(*snr_db) for generator in streams.of(LEVEL)])
    power_BSR = np.einsum("bstr,bstr->bsr", shots_BSTR, shots_BSTR) / shots_BSTR.shape[2]
    power_B = np.median(power_BSR.reshape(len(power_BSR), -1), axis=1)
    return np.asarray(np.sqrt(power_B * 10 ** (-ratio_B / 10)), np.float32)


def _noise(shape: tuple[int, ...], effects: Effects, interval: float, streams: Streams) -> Array:
    """Gaussian noise of variance 1, [B, S, T, R]: white within the band, nothing outside."""
    batch, shots, samples, receivers = shape
    bins = _bins(effects, samples, interval)
    spectrum_BSFR = np.zeros((batch, shots, samples // 2 + 1, receivers), np.complex64)
    for drawn_SFR, generator in zip(spectrum_BSFR[:, :, bins.start : bins.stop], streams.of(NOISE), strict=True):
        drawn_SFR.real, drawn_SFR.imag = generator.standard_normal((2, *drawn_SFR.shape), np.float32)
    return np.asarray(irfft(spectrum_BSFR, samples, axis=2) * np.float32(samples / (2 * np.sqrt(len(bins)))))


def _recorded(shape: tuple[int, ...], effects: Effects, streams: Streams) -> NDArray[np.bool_]:
    """Which traces [B, S, R] are recorded."""
    batch, shots, _, receivers = shape
    alive_BSR = np.ones((batch, shots, receivers), bool)
    if effects.dead_traces[1]:
        generators = streams.of(DEAD)
        count_B = [round(generator.uniform(*effects.dead_traces) * receivers) for generator in generators]
        alive_BSR &= ~_some(generators, count_B, receivers)[:, None]
    if effects.missing_shots[1]:
        generators = streams.of(MISSING)
        count_B = [int(generator.integers(*effects.missing_shots, endpoint=True)) for generator in generators]
        alive_BSR &= ~_some(generators, count_B, shots)[:, :, None]
    return alive_BSR


def _some(generators: list[Generator], count_B: list[int], of: int) -> NDArray[np.bool_]:
    """`count` of `of` things, drawn without repetition, for each sample."""
    rank_BN = np.stack([generator.permutation(of) for generator in generators])
    return np.asarray(rank_BN < np.array(count_B)[:, None])
