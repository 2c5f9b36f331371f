"""Labels from the gathers themselves: the network says which wave, the trace says when."""

import numpy as np
import pytest

from datagen.config import Survey
from datagen.errors import InputError
from datagen.traces.gathers import read_recording
from trials.prediction.picking.own_onsets import FEWEST, own_onsets, write_labelled
from trials.prediction.picking.picking_network import PickingNetwork

INTERVAL = 0.00025
SURVEY = Survey(shots=1, receivers=24, frequency=60.0, interval=INTERVAL, samples=768)
TRUE_R = 0.030 + 0.002 * np.arange(24)  # [s]


def gather(noisy=()):
    """Swings of 50 Hz that begin at TRUE_R over weak noise; the `noisy` traces are noise alone."""
    time_TR = INTERVAL * np.arange(768)[:, None] - TRUE_R
    swing_TR = np.where(time_TR > 0, np.sin(2 * np.pi * 50 * time_TR) * np.exp(-40 * time_TR.clip(0)), 0)
    swing_TR[:, list(noisy)] = 0
    return (swing_TR + 0.01 * np.random.default_rng(1).standard_normal((768, 24))).astype(np.float32)


def network(early, confidence=0.9):
    """Picks every trace `early` seconds before its true time."""

    def run(gather_B1TR):
        times_R = (TRUE_R - early) / INTERVAL
        return np.stack([times_R, np.full(24, confidence)])[None].astype(np.float32)

    return PickingNetwork(run=run, survey=SURVEY)


@pytest.mark.parametrize("early", [0.005, -0.003, 0.0])
def test_the_lag_is_found_and_the_labels_are_the_onsets(early):
    onsets = own_onsets([gather()], INTERVAL, network(early))
    assert onsets.lag == pytest.approx(early, abs=0.0007)
    assert np.nanmax(np.abs(onsets.labels[0] - TRUE_R)) < 0.0015
    assert onsets.share > 0.9


def test_a_trace_without_an_onset_where_the_network_looks_has_no_label():
    quiet = (3, 9, 17)
    alone = own_onsets([gather(quiet)], INTERVAL, network(0.005)).labels[0]
    assert np.isfinite(np.delete(alone, quiet)).mean() > 0.9
    assert np.isfinite(alone[list(quiet)]).mean() < 1


def test_a_network_that_is_sure_of_nothing_is_not_followed():
    with pytest.raises(InputError, match=rf"sure of 0 of 24 traces, at least {FEWEST}"):
        own_onsets([gather()], INTERVAL, network(0.005, confidence=0.4))


def test_gathers_of_any_size_are_written_as_if_picked_by_hand(tmp_path):
    gathers = [gather(), gather()[:500]]
    onsets = own_onsets(gathers, INTERVAL, network(0.002))
    write_labelled(tmp_path / "own.npz", gathers, onsets, INTERVAL)
    again = read_recording(tmp_path / "own.npz")
    assert (again.interval, [each.shape for each in again.gathers]) == (INTERVAL, [(768, 24)] * 2)
    assert np.allclose(np.stack(again.first_breaks), np.stack(onsets.labels), equal_nan=True)
