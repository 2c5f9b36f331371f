from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from datagen.config import Data, Geology, Grid, Salt, Survey
from datagen.dataset import ShardDataset
from datagen.errors import InputError
from datagen.generate import generate
from datagen.shards.manifest import load_manifest
from datagen.velocity import draw_velocity
from datagen.waves.first_breaks import first_breaks
from datagen.waves.modelling import WaveEngine
from datagen.waves.positions import distances

MakeData = Callable[..., Data]


@pytest.fixture
def line(make_data: MakeData) -> Data:
    """100 receivers over 1 km, sources at its end, between nodes and in its middle."""
    return make_data(
        grid=Grid(nz=40, nx=100, spacing=10.0),
        survey=Survey(
            shots=3,
            receivers=100,
            source_positions=(0.0, 317.0, 500.0),
            frequency=15.0,
            interval=0.001,
            samples=1000,
        ),
        geology=Geology(velocity=(1500.0, 3000.0)),
        salt=Salt(probability=0),
    )


def offset_SR(data: Data) -> NDArray[Any]:
    source_S, receiver_R = distances(data)
    return np.abs(source_S[:, None] - receiver_R) * data.grid.spacing


@pytest.mark.parametrize(("source_depth", "receiver_depth"), [(10.0, 10.0), (13.0, 287.0)])
def test_in_a_homogeneous_model_rays_are_straight(line: Data, source_depth: float, receiver_depth: float) -> None:
    data = replace(line, survey=replace(line.survey, source_depth=source_depth, receiver_depth=receiver_depth))
    velocity_MZX = np.array([1500.0, 4500.0], np.float32)[:, None, None] * np.ones((40, 100), np.float32)
    ray_SR = np.hypot(offset_SR(data), source_depth - receiver_depth)
    expected_MSR = ray_SR / np.array([1500.0, 4500.0])[:, None, None]
    np.testing.assert_allclose(first_breaks(data, velocity_MZX), expected_MSR, atol=0.7e-3)
    if source_depth == 10:  # along a row of nodes from a node
        np.testing.assert_allclose(first_breaks(data, velocity_MZX)[:, [0, 2]], expected_MSR[:, [0, 2]], atol=0.1e-3)


def layered(below: float, row: int) -> NDArray[np.float32]:
    """1500 m/s down to halfway between two rows of nodes, `below` from there."""
    velocity_ZX = np.full((40, 100), 1500.0, np.float32)
    velocity_ZX[row:] = below
    return velocity_ZX


def direct_and_head(data: Data, below: float, row: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Times [S, R] of the direct and the head wave in `layered`: t = x / v₂ + (hₛ + hᵣ) √(1/v₁² − 1/v₂²)."""
    interface, x_SR = (row - 0.5) * data.grid.spacing, offset_SR(data)
    paths = 2 * interface - data.survey.source_depth - data.survey.receiver_depth
    head_SR = x_SR / below + paths * np.sqrt(1500.0**-2 - below**-2)
    critical = paths / np.sqrt((below / 1500.0) ** 2 - 1)
    direct_SR = np.hypot(x_SR, data.survey.source_depth - data.survey.receiver_depth) / 1500
    return direct_SR, np.where(x_SR >= critical, head_SR, np.inf)


@pytest.mark.parametrize("below", [2000.0, 3000.0, 4500.0])
@pytest.mark.parametrize("row", [5, 10, 20])
def test_over_a_faster_layer_the_direct_or_the_head_wave_is_first(line: Data, below: float, row: int) -> None:
    """Half a sample of a millisecond from the times by hand, a sample if the source is between nodes."""
    expected_SR = np.minimum(*direct_and_head(line, below, row))
    error_SR = np.abs(first_breaks(line, layered(below, row)[None])[0] - expected_SR)
    assert error_SR[[0, 2]].max() < 0.55e-3
    assert error_SR[1].max() < 1.05e-3


def test_where_velocity_grows_with_depth_the_wave_turns(line: Data) -> None:
    """t = 2/g asinh(g x / 2v₀) at the surface of v = v₀ + g z (Slotnick 1959)."""
    data = replace(line, survey=replace(line.survey, source_depth=0.0, receiver_depth=0.0))
    velocity_ZX = (1500 + 2.0 * 10.0 * np.arange(40))[:, None] * np.ones(100)
    expected_SR = np.arcsinh(2.0 * offset_SR(data) / (2 * 1500)) * 2 / 2.0
    np.testing.assert_allclose(first_breaks(data, velocity_ZX[None])[0], expected_SR, atol=1.0e-3)


def test_source_and_receiver_can_be_exchanged(make_data: MakeData) -> None:
    data = make_data(
        grid=Grid(nz=40, nx=60, spacing=10.0),
        survey=Survey(
            shots=3,
            receivers=3,
            source_positions=(50.0, 200.0, 550.0),
            receiver_positions=(50.0, 200.0, 550.0),
            frequency=10.0,
            interval=0.001,
            samples=100,
        ),
    )
    for index in range(3):
        times_SR = first_breaks(data, draw_velocity(data, index)[None])[0]
        np.testing.assert_allclose(times_SR, times_SR.T, atol=1.0e-3)
        np.testing.assert_array_equal(times_SR.diagonal(), 0)


def onset(data: Data, shots_STR: NDArray[Any], times_SR: NDArray[Any]) -> NDArray[Any]:
    """When a trace first reaches a hundredth of its largest value within two periods of the travel time [S, R]."""
    time_T = np.arange(data.survey.samples)[:, None] * data.survey.interval
    early_STR = time_T < times_SR[:, None] + 2.2 / data.survey.frequency
    size_STR = np.abs(shots_STR) / np.abs(shots_STR * early_STR).max(axis=1, keepdims=True)
    return np.asarray(np.argmax(size_STR > 0.01, axis=1) * data.survey.interval)


def test_the_recorded_wave_sets_in_when_the_travel_time_says(line: Data) -> None:
    """A direct wave 0.67 periods later within 1.5 ms, a head wave, which swells more slowly, 0.75 within 1.5 ms."""
    row, below = 10, 3000.0
    velocity_MZX = np.stack([layered(below, row), np.full((40, 100), 1500, np.float32)])
    times_MSR = first_breaks(line, velocity_MZX)
    shots_MSTR = WaveEngine(line).shoot(velocity_MZX)
    late_MSR = np.stack([onset(line, u_STR, t_SR) - t_SR for u_STR, t_SR in zip(shots_MSTR, times_MSR, strict=True)])
    period, far_SR = 1 / line.survey.frequency, offset_SR(line) > 50
    np.testing.assert_allclose(late_MSR[1][far_SR], 0.67 * period, atol=1.5e-3)
    direct_SR, head_SR = direct_and_head(line, below, row)
    alone_SR = direct_SR - head_SR > 1.5 * period  # the direct wave comes when the head wave has passed
    assert alone_SR.sum() > 40
    np.testing.assert_allclose(late_MSR[0][alone_SR], 0.75 * period, atol=1.5e-3)


def test_shards_hold_first_breaks_only_if_asked(make_data: MakeData, echo_engine: Any) -> None:
    data = make_data(first_breaks=True)
    generate(data, workers=2, engine=echo_engine, progress=False)
    stored_MSR = np.load(Path(data.folder) / "first_break3.npy")
    assert stored_MSR.dtype == np.float32
    velocity_MZX = np.stack([draw_velocity(data, index) for index in range(16, 20)])
    np.testing.assert_array_equal(stored_MSR, first_breaks(data, velocity_MZX))
    plain = make_data("plain")
    generate(plain, workers=1, engine=echo_engine, progress=False)
    assert {kind for record in load_manifest(plain.folder).shards for kind in record.files} == {
        "data",
        "model",
        "image",
    }
    assert not list(Path(plain.folder).glob("first_break*"))
    with pytest.raises(InputError, match=r"has none; make another with data\.first_breaks: true"):
        ShardDataset(plain.folder, "train", "first_break")


def test_first_breaks_are_read_in_seconds_and_mirrored_with_their_shots(make_data: MakeData, echo_engine: Any) -> None:
    data = make_data(first_breaks=True)
    generate(data, workers=1, engine=echo_engine, progress=False)
    indices = list(range(20))
    shots_BSTR, times_BSR = ShardDataset(data.folder, "train", "first_break").__getitems__(indices)
    stored_BSR = np.concatenate([np.load(Path(data.folder) / f"first_break{number}.npy") for number in (1, 2, 3)])
    np.testing.assert_array_equal(times_BSR.numpy(), stored_BSR)
    mirrored = ShardDataset(data.folder, "train", "first_break", mirror=True).__getitems__(indices)
    flips = 0
    for row, (shots_STR, times_SR) in enumerate(zip(*mirrored, strict=True)):
        flip = not np.array_equal(times_SR, times_BSR[row])
        flips += flip
        np.testing.assert_array_equal(times_SR, times_BSR[row].flip(0, 1) if flip else times_BSR[row])
        np.testing.assert_array_equal(shots_STR, shots_BSTR[row].flip(0, 2) if flip else shots_BSTR[row])
    assert 2 <= flips <= 18
