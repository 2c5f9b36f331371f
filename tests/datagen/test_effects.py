from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pydantic import ValidationError

from datagen.config import Data, Effects, Survey
from datagen.dataset import ShardDataset, loader
from datagen.effects import Streams, check_effects, disturb, receiver_delays
from datagen.errors import InputError
from datagen.generate import generate
from datagen.waves.wavelet import ricker

MakeData = Callable[..., Data]
INTERVAL = 0.002  # [s]
ALL = Effects(
    snr_db=(0.0, 20.0), noise_band=(5.0, 40.0), dead_traces=(0.1, 0.4), receiver_jitter=0.004, missing_shots=(0, 3)
)


@pytest.fixture(scope="module")
def clean() -> NDArray[np.float32]:
    """Arrivals [3, 4, 300, 20]: a wavelet a trace, later and weaker with distance."""
    wavelet_T = ricker(15.0, INTERVAL, 300)
    trace_TR = np.stack([np.roll(wavelet_T, 5 * r) / (1 + r) for r in range(20)], axis=1)
    strength_BS = np.array([1.0, 30.0, 0.01])[:, None] * np.ones(4)
    return np.asarray(strength_BS[..., None, None] * trace_TR, np.float32)


def disturbed(shots: NDArray[Any], effects: Effects, epoch: int = 0, indices: tuple[int, ...] = (4, 0, 9)) -> Any:
    return disturb(shots, effects, INTERVAL, Streams(seed=3, epoch=epoch, indices=indices))


@pytest.mark.parametrize("decibel", [-10.0, 0.0, 25.0])
def test_the_signal_to_noise_ratio_is_the_one_asked_for(clean: NDArray[np.float32], decibel: float) -> None:
    noise = disturbed(clean, Effects(snr_db=(decibel, decibel))) - clean
    signal_B = np.median((clean.astype(float) ** 2).mean(axis=2).reshape(3, -1), axis=1)
    noise_B = (noise.astype(float) ** 2).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(10 * np.log10(signal_B / noise_B), decibel, atol=0.2)


def test_the_ratio_is_drawn_for_each_sample_within_its_range(clean: NDArray[np.float32]) -> None:
    shots = np.repeat(clean[:1], 40, axis=0)
    noise = disturbed(shots, Effects(snr_db=(5.0, 15.0)), indices=tuple(range(40))) - shots
    signal = np.median((clean[0] ** 2).mean(axis=1))
    ratio_B = 10 * np.log10(signal / (noise**2).mean(axis=(1, 2, 3)))
    assert 4.8 < ratio_B.min() < 6.5
    assert 13.5 < ratio_B.max() < 15.2


def test_the_noise_is_white_in_its_band_and_nothing_outside(clean: NDArray[np.float32]) -> None:
    noise = disturbed(clean, Effects(snr_db=(0.0, 0.0), noise_band=(10.0, 50.0))) - clean
    power_F = (np.abs(np.fft.rfft(noise[1].astype(float), axis=1)) ** 2).mean(axis=(0, 2))
    frequency_F = np.fft.rfftfreq(300, INTERVAL)
    inside = (frequency_F >= 10) & (frequency_F <= 50)
    assert power_F[~inside].sum() < 1e-9 * power_F.sum()
    np.testing.assert_allclose(power_F[inside], power_F[inside].mean(), rtol=0.5)


def test_traces_do_not_share_their_noise(clean: NDArray[np.float32]) -> None:
    noise = disturbed(clean, Effects(snr_db=(0.0, 0.0))) - clean
    trace_NT = noise[0].transpose(0, 2, 1).reshape(80, 300)
    correlation = np.corrcoef(trace_NT) - np.eye(80)
    assert np.abs(correlation).max() < 0.7
    assert np.sqrt((correlation**2).mean()) < 0.2


def test_dead_traces_are_zero_in_every_shot_and_as_many_as_asked(clean: NDArray[np.float32]) -> None:
    shots = disturbed(clean + 1, Effects(dead_traces=(0.25, 0.25), snr_db=(0.0, 0.0)))
    silent_BSR = (shots == 0).all(axis=2)
    assert (silent_BSR.sum(axis=2) == 5).all()
    assert (silent_BSR == silent_BSR[:, :1]).all()
    assert len(np.unique(silent_BSR[:, 0], axis=0)) == 3
    np.testing.assert_array_equal((shots == 0).any(axis=2), silent_BSR)


def test_missing_shots_are_zero_and_within_their_range(clean: NDArray[np.float32]) -> None:
    shots = disturbed(np.repeat(clean[:1] + 1, 60, axis=0), Effects(missing_shots=(1, 3)), indices=tuple(range(60)))
    silent_BS = (shots == 0).all(axis=(2, 3))
    assert set(silent_BS.sum(axis=1)) == {1, 2, 3}
    assert silent_BS.any(axis=0).all()
    np.testing.assert_array_equal((shots == 0).any(axis=(2, 3)), silent_BS)


def test_a_late_receiver_is_late_by_its_delay_in_every_shot(clean: NDArray[np.float32]) -> None:
    effects = Effects(receiver_jitter=0.005)
    shots = disturbed(clean, effects)
    delay_BR = receiver_delays(effects, 20, Streams(seed=3, epoch=0, indices=(4, 0, 9)))
    assert 0.004 < delay_BR.std() < 0.006
    time_T = np.arange(300) * INTERVAL
    for sample, receiver in ((0, 3), (1, 10), (2, 7)):
        arrival = 1.5 / 15 + 5 * receiver * INTERVAL + float(delay_BR[sample, receiver])
        a_T = (np.pi * 15 * (time_T - arrival)) ** 2
        expected_T = (1 - 2 * a_T) * np.exp(-a_T) * clean[sample, 0].max() / (1 + receiver)
        for shot in (0, 3):
            np.testing.assert_allclose(
                shots[sample, shot, :, receiver], expected_T, atol=2e-4 * np.abs(expected_T).max()
            )


def test_without_effects_the_shots_are_the_same_bits(clean: NDArray[np.float32]) -> None:
    assert disturbed(clean, Effects()) is clean


@pytest.mark.parametrize(
    "effects",
    [
        ALL,
        Effects(snr_db=(3.0, 9.0)),
        Effects(dead_traces=(0.2, 0.9)),
        Effects(receiver_jitter=0.01),
        Effects(missing_shots=(1, 2)),
    ],
)
def test_the_same_epoch_draws_the_same_bits_and_another_epoch_others(
    clean: NDArray[np.float32], effects: Effects
) -> None:
    kept = clean.copy()
    first, again, other = (disturbed(clean, effects, epoch) for epoch in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert first.dtype == np.float32
    np.testing.assert_array_equal(clean, kept)


def test_what_a_sample_gets_does_not_depend_on_its_batch(clean: NDArray[np.float32]) -> None:
    together = disturbed(clean, ALL)
    alone = disturbed(clean[1:2], ALL, indices=(0,))
    np.testing.assert_allclose(together[1:2], alone, rtol=0, atol=1e-6 * np.abs(alone).max())


def test_one_effect_leaves_the_draws_of_another_alone(clean: NDArray[np.float32]) -> None:
    dead = disturbed(clean + 1, replace(Effects(), dead_traces=ALL.dead_traces))
    everything = disturbed(clean + 1, replace(ALL, missing_shots=(0, 0)))
    np.testing.assert_array_equal((dead == 0).all(axis=2), (everything == 0).all(axis=2))


def test_effects_that_do_not_fit_the_survey_are_refused(make_data: MakeData) -> None:
    data = make_data(survey=Survey(shots=3, receivers=24, frequency=15.0, interval=0.001, samples=100))
    check_effects(replace(ALL, missing_shots=(0, 2)), data)
    with pytest.raises(InputError, match=r"effects.noise_band: \[3.0, 9.0\] Hz holds no frequency"):
        check_effects(Effects(snr_db=(3.0, 9.0), noise_band=(3.0, 9.0)), data)
    with pytest.raises(InputError, match=r"effects.missing_shots: up to 3 of data.survey.shots = 3; at most 2"):
        check_effects(Effects(missing_shots=(0, 3)), data)
    with pytest.raises(ValidationError, match="first value must not be above the second"):
        Effects(dead_traces=(0.5, 0.1))


@pytest.fixture
def data(make_data: MakeData, echo_engine: Any) -> Data:
    survey = Survey(shots=4, receivers=24, frequency=15.0, interval=0.001, samples=200)
    data = make_data(survey=survey, first_breaks=True)
    generate(data, workers=1, engine=echo_engine)
    return data


def test_a_data_set_is_read_with_the_effects_of_its_epoch_and_seed(data: Data) -> None:
    def shots(epoch: int = 0, seed: int = 0, split: str = "train") -> torch.Tensor:
        dataset = ShardDataset(data.folder, split, effects=ALL, seed=seed)
        dataset.epoch = epoch
        return torch.cat([shots for shots, _ in loader(dataset, 7)])

    clean = torch.cat([shots for shots, _ in loader(ShardDataset(data.folder, "train"), 7)])
    assert torch.equal(shots(), shots())
    different = [clean, shots(epoch=1), shots(seed=1)]
    assert not any(torch.equal(shots(), other) for other in different)
    stored = np.concatenate([np.load(Path(data.folder) / f"data{number}.npy") for number in (1, 2, 3)])
    np.testing.assert_array_equal(clean.numpy(), stored)


def test_a_first_break_is_late_with_its_receiver(data: Data) -> None:
    effects = Effects(receiver_jitter=0.005)
    _, clean_BSR = ShardDataset(data.folder, "train", "first_break").__getitems__([2, 5])
    _, late_BSR = ShardDataset(data.folder, "train", "first_break", effects=effects, seed=8).__getitems__([2, 5])
    delay_BR = receiver_delays(effects, 24, Streams(seed=8, epoch=0, indices=(2, 5)))
    np.testing.assert_allclose(late_BSR - clean_BSR, np.broadcast_to(delay_BR[:, None], (2, 4, 24)), atol=1e-7)
