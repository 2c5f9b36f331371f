import dataclasses

import numpy as np
import pytest

from datagen.config import Data, Grid, Split, Survey
from datagen.waves.positions import asymmetry, spread, taps

DATA = Data(
    folder="unused",
    grid=Grid(nz=64, nx=64, spacing=10.0),
    survey=Survey(shots=5, receivers=32, frequency=15.0, interval=0.001, samples=800),
    split=Split(train=1, validation=1, test=1),
)


def with_survey(**survey):
    return spread(dataclasses.replace(DATA, survey=dataclasses.replace(DATA.survey, **survey)))


def read(found, field_N):
    """The field at each position [P]."""
    nodes_PK = found.first_P[:, None] + np.arange(found.count)
    return (found.weight_PK * field_N[nodes_PK]).sum(axis=1)


def test_sources_and_receivers_span_the_whole_width_on_nodes():
    places = with_survey()
    assert places.source_distance_S.first_P.tolist() == [0, 16, 32, 47, 63]
    columns = places.receiver_distance_R.first_P
    assert (columns[0], columns[-1], len(set(columns.tolist()))) == (0, 63, 32)
    assert set(np.diff(columns)) <= {2, 3}
    assert places.source_depth.first_P == places.receiver_depth.first_P == 1
    assert places.receiver_distance_R.count == places.source_depth.count == 1


def test_a_single_source_is_in_the_middle():
    assert with_survey(shots=1).source_distance_S.first_P.tolist() == [32]


def test_positions_given_on_nodes_have_one_tap_of_weight_one():
    places = with_survey(shots=2, source_positions=(30.0, 470.0))
    assert places.source_distance_S.first_P.tolist() == [3, 47]
    np.testing.assert_array_equal(places.source_distance_S.weight_PK, 1.0)


@pytest.mark.parametrize(("per_wavelength", "tolerance"), [(10, 1e-3), (6, 3e-3), (4.5, 1e-2)])
def test_waves_are_read_between_nodes(per_wavelength, tolerance):
    cells = np.linspace(10.05, 50.95, 60)
    wave = np.exp(2j * np.pi * np.arange(64) / per_wavelength)
    expected = np.exp(2j * np.pi * cells / per_wavelength)
    assert np.abs(read(taps(cells, 64), wave) - expected).max() < tolerance


def test_near_an_edge_no_tap_is_outside_and_waves_are_still_read():
    cells = np.array([0.0, 0.3, 1.5, 2.9, 60.2, 62.6, 63.0])
    found = taps(cells, 64)
    assert found.first_P.min() == 0
    assert found.first_P.max() + found.count == 64
    wave = np.exp(2j * np.pi * np.arange(64) / 10)
    assert np.abs(read(found, wave) - np.exp(2j * np.pi * cells / 10)).max() < 2e-3


def test_under_a_free_surface_odd_waves_are_read_from_the_nodes_below_it():
    cells = np.array([0.4, 1.5, 2.7])
    found = taps(cells, 64, mirrored=True)
    assert found.first_P.min() == 0
    wave = np.sin(2 * np.pi * np.arange(64) / 6)
    assert np.abs(read(found, wave) - np.sin(2 * np.pi * cells / 6)).max() < 3e-3


@pytest.mark.parametrize(
    ("survey", "cells"),
    [
        ({"shots": 4}, 0.0),
        ({"shots": 5}, 1.0),  # the middle one on node 32 of 64, rounded from 31.5
        ({"shots": 2, "source_positions": (100.0, 530.0)}, 0.0),
        ({"shots": 2, "source_positions": (530.0, 100.0)}, 0.0),
        ({"shots": 2, "source_positions": (0.0, 315.0)}, 31.5),
        ({"shots": 3, "source_positions": (0.0, 630.0, 315.0)}, 63.0),
    ],
)
def test_a_survey_that_is_its_own_mirror_image_is_told_from_others(survey, cells):
    data = dataclasses.replace(DATA, survey=dataclasses.replace(DATA.survey, **{"receivers": 64, **survey}))
    assert asymmetry(data) == pytest.approx(cells)
