"""One record for each target: from physical values to what a network learns, and back."""

import numpy as np
import pytest
import torch

from datagen.errors import InputError
from datagen.shards.manifest import Statistics
from datagen.targets import Target, make_target

STATISTICS = Statistics(shot_scale=0.1, image_scale=0.7, velocity_min=1500.0, velocity_max=4500.0)
TARGETS = [make_target(name, STATISTICS) for name in ("rtm", "velocity", "first_break")]


@pytest.mark.parametrize("target", TARGETS)
def test_a_normalised_value_comes_back(target: Target) -> None:
    values = np.random.default_rng(0).uniform(-5000, 5000, 100)
    normalised = target.normalise(values)
    np.testing.assert_allclose(target.denormalise(normalised), values)
    np.testing.assert_allclose(target.factor * normalised + target.offset, values)
    torch.testing.assert_close(target.normalise(torch.from_numpy(values)), torch.from_numpy(normalised))


@pytest.mark.parametrize(
    ("target", "values", "labels"),
    [
        (TARGETS[0], [-1.4, -0.7, 0.0, 0.35, 7.0], [-1.0, -1.0, 0.0, 0.5, 1.0]),
        (TARGETS[1], [1500.0, 3000.0, 4500.0, 6000.0], [-1.0, 0.0, 1.0, 2.0]),
        (TARGETS[2], [0.1, 0.2], [0.1, 0.2]),
    ],
)
def test_labels_of_images_end_at_one_and_no_others(target: Target, values: list[float], labels: list[float]) -> None:
    np.testing.assert_allclose(target.label(np.array(values)), labels)


def test_an_unknown_target_names_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"'depth'; known: rtm, velocity, first_break"):
        make_target("depth", STATISTICS)
