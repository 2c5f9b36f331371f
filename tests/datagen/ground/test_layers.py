from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from datagen.config import Geology
from datagen.ground.layers import STEADY_SHARE, Column, add_thin_beds, draw_column

DEPTH = 1000.0
PLAIN = Geology(gradient=(0, 0), inversions=0.0)


def draw(seed: int, **changes: Any) -> Column:
    return draw_column(replace(PLAIN, **changes), DEPTH, np.random.default_rng(seed))


def thicknesses(**changes: Any) -> np.ndarray:
    return np.concatenate([np.diff(draw(seed, **changes).tops, append=DEPTH) for seed in range(50)])


def test_layers_fill_the_section_from_the_surface_down() -> None:
    for seed in range(20):
        column = draw(seed, layers=(4, 10))
        assert column.tops[0] == 0
        assert 4 <= len(column.tops) <= 10
        assert (np.diff(column.tops, append=DEPTH) > 0).all()


@pytest.mark.parametrize("shape", [1.0, 4.0, 25.0])
def test_thickness_varies_by_one_over_the_root_of_its_shape(shape: float) -> None:
    thickness = thicknesses(layers=(40, 40), thickness_shape=shape)
    assert thickness.mean() == pytest.approx(DEPTH / 40)
    assert thickness.std() / thickness.mean() == pytest.approx(shape**-0.5, rel=0.1)


def test_without_inversions_velocity_rises_from_layer_to_layer() -> None:
    for seed in range(20):
        assert (np.diff(draw(seed, velocity_scatter=500.0).velocities) >= 0).all()


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5])
def test_the_share_of_slower_layers_is_as_configured_and_none_follows_another(share: float) -> None:
    slower = [np.diff(draw(seed, layers=(60, 60), inversions=share).velocities) < 0 for seed in range(50)]
    assert np.mean(slower) == pytest.approx(share, abs=0.02)
    assert not any((one[1:] & one[:-1]).any() for one in slower)


def test_inversions_change_the_order_of_velocities_alone() -> None:
    rising, inverted = draw(3, layers=(20, 20)), draw(3, layers=(20, 20), inversions=0.4)
    np.testing.assert_array_equal(rising.tops, inverted.tops)
    np.testing.assert_array_equal(rising.velocities, np.sort(inverted.velocities))
    assert (rising.velocities != inverted.velocities).any()


def test_velocity_rises_by_the_gradient_inside_layers_and_by_no_more_than_there_is_room_for() -> None:
    column = draw(1, layers=(1, 1), gradient=(0.5, 0.5), velocity=(1500, 8000))
    np.testing.assert_allclose(np.diff(column.velocity(np.arange(0.0, DEPTH, 10.0))), 5.0)
    for seed in range(20):
        assert draw(seed, gradient=(5, 5)).gradient <= STEADY_SHARE * 2000 / DEPTH


def test_thin_beds_are_as_thick_and_differ_as_much_as_configured() -> None:
    geology = replace(PLAIN, layers=(1, 1), thin_beds=(1, 1), thin_bed_thickness=(10, 20), thin_bed_contrast=(200, 300))
    for seed in range(50):
        plain = draw(seed, layers=(1, 1))
        column = add_thin_beds(plain, geology, DEPTH, np.random.default_rng(seed))
        assert len(column.tops) == 3
        assert 10 <= np.diff(column.tops)[1] <= 20
        assert 200 <= abs(column.velocities[1] - plain.velocities[0]) <= 300
        assert column.velocities[0] == column.velocities[2] == plain.velocities[0]


def test_layers_outside_thin_beds_stay_as_they_were() -> None:
    geology = replace(PLAIN, layers=(10, 10), thin_beds=(5, 5), thin_bed_thickness=(5, 10))
    s = np.arange(0.0, DEPTH, 1.0)
    for seed in range(20):
        plain = draw(seed, layers=(10, 10))
        changed = add_thin_beds(plain, geology, DEPTH, np.random.default_rng(seed)).velocity(s) != plain.velocity(s)
        assert 0 < changed.sum() <= 5 * 10
