"""The front loses nothing that the new grid can hold."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from datagen.band_limited import resampling_matrix
from search_spaces.config import Fold
from search_spaces.fronts.survey_front import GAIN_POWER, KNEE, Resampling, SurveyFront
from search_spaces.shape import Shape

SHAPE = Shape(shots=2, samples=400, receivers=24, nz=32, nx=24)
FOLD = 4


def ricker(frequency: float, centre: float, samples: int) -> NDArray[np.float64]:
    """Times run from 0 to 1; its spectrum ends at about three times `frequency`."""
    a = (np.pi * frequency * (np.linspace(0, 1, samples) - centre)) ** 2
    return (1 - 2 * a) * np.exp(-a)


@pytest.mark.parametrize(("given", "wanted"), [(800, 256), (1000, 280), (64, 70), (70, 64), (20, 47)])
def test_a_constant_stays_a_constant_when_resampled(given: int, wanted: int) -> None:
    np.testing.assert_allclose(resampling_matrix(given, wanted) @ np.ones(given), 1, atol=1e-12)


@pytest.mark.parametrize(("given", "wanted"), [(800, 256), (1000, 280), (300, 512)])
def test_a_band_limited_wavelet_is_sampled_anew_exactly(given: int, wanted: int) -> None:
    nyquist = min(given, wanted) / 2
    signal = ricker(nyquist / 3.5, 0.4, given)
    np.testing.assert_allclose(resampling_matrix(given, wanted) @ signal, ricker(nyquist / 3.5, 0.4, wanted), atol=1e-3)


def test_what_the_coarse_grid_cannot_hold_is_removed_and_not_aliased() -> None:
    above = np.cos(np.pi * 300 * np.linspace(0, 1, 800))  # its Nyquist is at 255
    assert np.abs(resampling_matrix(800, 256) @ above).max() < 1e-12


def test_resampling_to_the_same_grid_changes_nothing() -> None:
    assert (resampling_matrix(64, 64) == np.eye(64)).all()


@pytest.mark.parametrize(
    ("given", "wanted"), [(800, 256), (999, 280), (1000, 279), (501, 65), (20, 47), (5, 4), (9, 9)]
)
def test_even_and_odd_parts_together_are_the_whole_matrix(given: int, wanted: int) -> None:
    columns = torch.randn(2, given, 3, generator=torch.Generator().manual_seed(0))
    whole = torch.from_numpy(resampling_matrix(given, wanted)) @ columns.double()
    torch.testing.assert_close(Resampling(given, wanted)(columns).double(), whole, atol=1e-5, rtol=0)


def test_the_folded_record_keeps_its_band() -> None:
    """All steps undone give back a record that lies below the Nyquist frequency of fold·Z samples."""
    rows = FOLD * SHAPE.nz
    generator = np.random.default_rng(0)
    record = sum(
        generator.normal() * ricker(generator.uniform(8, 0.27 * rows / 2), centre, SHAPE.samples)
        for centre in generator.uniform(0.15, 0.85, 30)
    )
    scale = float(np.sqrt(np.mean(record**2)))
    moveout = generator.normal(size=(SHAPE.shots, 1, SHAPE.receivers))
    shots_STR = record[None, :, None] * moveout
    front = SurveyFront(SHAPE, scale, Fold(fold=FOLD))
    folded = front(torch.from_numpy(shots_STR).float()[None])[0].double().numpy()
    assert folded.shape == (SHAPE.shots * FOLD, SHAPE.nz, SHAPE.nx)
    level_SNX = folded.reshape(SHAPE.shots, FOLD, SHAPE.nz, SHAPE.nx).transpose(0, 2, 1, 3).reshape(2, rows, -1)
    gain_N = (np.arange(1, rows + 1) / rows) ** GAIN_POWER
    shots_SNR = np.sinh(level_SNX) * KNEE * scale / gain_N[:, None]
    back_STR = resampling_matrix(rows, SHAPE.samples) @ shots_SNR
    np.testing.assert_allclose(back_STR, shots_STR, atol=2e-3 * np.abs(shots_STR).max())


def test_row_and_channel_of_a_folded_sample_tell_its_time() -> None:
    shape = Shape(shots=2, samples=12, receivers=3, nz=4, nx=3)
    front = SurveyFront(shape, 1.0, Fold(fold=3))  # 12 samples either way: no resampling
    shots = torch.zeros(1, 2, 12, 3)
    shots[0, 1, 7, 2] = 1.0  # sample 7 is the middle one of row 2
    assert front(shots).nonzero().tolist() == [[0, 3 + 1, 2, 2]]


def test_output_has_the_same_spread_whatever_the_unit_of_the_shots() -> None:
    shots = torch.randn(2, 2, 400, 24, generator=torch.Generator().manual_seed(0))
    in_pascal = SurveyFront(SHAPE, 1e-3, Fold(fold=FOLD))(1e-3 * shots)
    in_bar = SurveyFront(SHAPE, 1e-8, Fold(fold=FOLD))(1e-8 * shots)
    torch.testing.assert_close(in_pascal, in_bar, rtol=1e-3, atol=1e-4)


def test_later_samples_of_equal_amplitude_come_out_stronger() -> None:
    shots = torch.ones(1, 2, 400, 24)
    level_Z = SurveyFront(SHAPE, 1.0, Fold(fold=FOLD))(shots)[0, 0, :, 0]
    assert (level_Z.diff() > 0).all()


def test_receivers_are_spread_over_the_width_of_the_section() -> None:
    shape = Shape(shots=1, samples=64, receivers=20, nz=16, nx=47)
    front = SurveyFront(shape, 1.0, Fold(fold=4))
    assert front(torch.randn(1, 1, 64, 20)).shape == (1, 4, 16, 47)
    slope = torch.linspace(-1, 1, 20).expand(1, 1, 64, 20)
    level_X = front(slope)[0, -1, -1].double()
    torch.testing.assert_close(torch.sinh(level_X) * KNEE, torch.linspace(-1, 1, 47).double(), atol=0.02, rtol=0)


def test_weak_shots_survive_mixed_precision() -> None:
    shots = 1e-9 * torch.randn(1, 2, 400, 24, generator=torch.Generator().manual_seed(0))
    front = SurveyFront(SHAPE, 1e-9, Fold(fold=FOLD))
    wanted = front(shots)
    with torch.autocast("cpu", dtype=torch.float16):
        torch.testing.assert_close(front(shots), wanted)
