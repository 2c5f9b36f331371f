import dataclasses

import numpy as np
import pytest

from compressors.bundles.contents import read_contents
from datagen.dataset import ShardDataset
from datagen.shards.manifest import load_manifest
from trials.prediction.unlike import spectral_centroid, unlike_shots, unlike_velocity, wavelet_centroid


@pytest.fixture(scope="module")
def contents(tiny_data, tiny_velocity_bundle):
    manifest = load_manifest(tiny_data["folder"])
    return dataclasses.replace(read_contents(tiny_velocity_bundle), data=manifest.data, statistics=manifest.statistics)


@pytest.fixture(scope="module")
def test_set(tiny_data):
    return ShardDataset(tiny_data["folder"], "test", "velocity")


def test_nothing_is_strange_about_any_test_model(contents, test_set):
    for shots_STR, target_1ZX in (test_set[index] for index in range(len(test_set))):
        assert unlike_shots(shots_STR.numpy()[None], contents) == []
        assert unlike_velocity(test_set.targets[0].denormalise(target_1ZX.numpy()), contents) == []


def test_a_pure_tone_has_its_own_frequency_as_centroid():
    wave = np.sin(2 * np.pi * 20 * np.arange(1000) * 0.001)
    assert spectral_centroid(wave[None, None, :, None], 0.001) == pytest.approx(20)


def test_other_frequencies_are_reported(contents, test_set):
    survey = contents.data.survey
    slower = dataclasses.replace(contents.data, survey=dataclasses.replace(survey, frequency=survey.frequency / 2))
    (line,) = unlike_shots(test_set[0][0].numpy()[None], dataclasses.replace(contents, data=slower))
    assert line.startswith("frequencies are around 1")
    assert f"{wavelet_centroid(slower.survey):.3g} Hz" in line


@pytest.mark.parametrize(("factor", "lines"), [(0.01, 1), (0.5, 0), (2.0, 0), (100.0, 1)])
def test_amplitudes_far_from_those_of_the_training_are_reported(contents, test_set, factor, lines):
    found = unlike_shots(factor * test_set[0][0].numpy()[None], contents)
    assert len(found) == lines
    assert all("times those of the training data" in line for line in found)


def test_silent_shots_have_an_amplitude_and_no_frequency(contents):
    (line,) = unlike_shots(np.zeros((1, 2, 240, 24), np.float32), contents)
    assert line.startswith("amplitudes are 0 times")


def test_velocities_beyond_the_training_or_stuck_at_its_end_are_reported(contents):
    lowest, highest = contents.statistics.velocity_min, contents.statistics.velocity_max
    velocity_BZX = np.full((1, 24, 24), (lowest + highest) / 2)
    assert unlike_velocity(velocity_BZX, contents) == []
    velocity_BZX[:, 20:] = highest + 0.03 * (highest - lowest)  # a network that overshoots a little
    assert unlike_velocity(velocity_BZX, contents) == []
    velocity_BZX[:, 20:] = highest + 500
    assert "17 % of the cells are beyond" in unlike_velocity(velocity_BZX, contents)[0]
    velocity_BZX[:, 4:] = highest
    assert "83 % of the velocities are at one end" in unlike_velocity(velocity_BZX, contents)[0]
