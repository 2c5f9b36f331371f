from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from datagen.config import Geology, Grid
from datagen.ground.sediments import draw_sediments

GRID = Grid(nz=80, nx=100, spacing=10.0)
FLAT = Geology(
    layers=(6, 6),
    gradient=(0, 0),
    inversions=0,
    fold_amplitude=(0, 0),
    dip=(0, 0),
    faults=(0, 0),
    reverse_faults=0,
    velocity_scatter=0,
)


def draw(seed: int, **changes: Any) -> np.ndarray:
    return draw_sediments(GRID, replace(FLAT, **changes), np.random.default_rng(seed))


def test_without_structure_layers_are_flat() -> None:
    velocity_ZX = draw(1)
    assert (velocity_ZX == velocity_ZX[:, :1]).all()
    assert len(np.unique(velocity_ZX)) == 6


def test_velocity_rises_from_layer_to_layer_without_scatter() -> None:
    for seed in range(10):
        assert (np.diff(draw(seed)[:, 0]) >= 0).all()


def test_velocity_stays_in_its_range() -> None:
    for seed in range(20):
        velocity_ZX = draw(seed, velocity_scatter=1000.0, gradient=(2, 2))
        assert velocity_ZX.min() >= FLAT.velocity[0]
        assert velocity_ZX.max() <= FLAT.velocity[1]


def test_velocity_increases_with_depth_inside_a_layer() -> None:
    step = np.diff(draw(3, layers=(1, 1), gradient=(0.5, 0.5), velocity=(1500, 8000))[:, 0])
    np.testing.assert_allclose(step, 0.5 * GRID.spacing)


def test_a_section_is_a_window_of_a_taller_one_with_as_many_layers_and_beds_per_metre() -> None:
    grid = Grid(nz=800, nx=16, spacing=1.0)
    short = replace(FLAT, layers=(6, 6), thin_beds=(2, 2), inversions=0.2)
    window, tall = replace(short, taller=(1600, 1600)), replace(short, layers=(18, 18), thin_beds=(6, 6))
    tops = []
    for seed in range(20):
        window_Z = draw_sediments(grid, window, np.random.default_rng(seed))[:, 0]
        tall_Z = draw_sediments(replace(grid, nz=2400), tall, np.random.default_rng(seed))[:, 0]
        wrong = [(tall_Z[top : top + 800] != window_Z).sum() for top in range(1601)]
        tops.append(int(np.argmin(wrong)))
        assert wrong[tops[-1]] <= 18 + 2 * 6  # the window begins between two nodes, so a boundary may be one node off
    assert min(tops) < 400
    assert max(tops) > 1200


def test_the_taller_the_section_the_faster_its_top_and_the_fainter_its_contrasts() -> None:
    models = [[draw(seed, taller=(taller, taller)) for seed in range(100)] for taller in (0, 800, 4000)]
    fastest_top = [np.mean([velocity_ZX[:3].mean() for velocity_ZX in some]) for some in models]
    contrast = [np.mean([np.ptp(velocity_ZX) for velocity_ZX in some]) for some in models]
    assert fastest_top[0] < fastest_top[1] - 200 < fastest_top[2] - 300
    assert contrast[0] > contrast[1] + 200 > contrast[2] + 500


def test_an_interface_dips_by_the_angle_asked_for() -> None:
    velocity_ZX = draw(4, layers=(2, 2), dip=(10, 10))
    depth_X = (velocity_ZX == velocity_ZX[0, 0]).sum(axis=0) * GRID.spacing
    inside = (depth_X > 0) & (depth_X < GRID.nz * GRID.spacing)
    slope = np.polyfit(np.arange(GRID.nx)[inside] * GRID.spacing, depth_X[inside], 1)[0]
    share = depth_X[inside].mean() / (GRID.nz * GRID.spacing)  # structure grows with depth: ½ + s / 2D
    np.testing.assert_allclose(slope, np.tan(np.deg2rad(10)) * (0.5 + share / 2), rtol=0.1)


def test_folds_grow_with_depth() -> None:
    relief = []
    for seed in range(10):
        velocity_ZX = draw(seed, layers=(8, 8), fold_amplitude=(0.03, 0.03))
        tops = [np.argmax(velocity_ZX >= value, axis=0).astype(float) for value in np.unique(velocity_ZX)[[1, -2]]]
        relief.append([np.ptp(top) for top in tops])
    shallow, deep = np.mean(relief, axis=0)
    assert deep > shallow


def test_a_vertical_fault_steps_layers_by_its_throw() -> None:
    changes: dict[str, Any] = dict(layers=(2, 2), faults=(1, 1), fault_throw=(0.1, 0.1), fault_dip=(90, 90))
    velocity_ZX = draw(5, **changes)
    depth_X = (velocity_ZX == velocity_ZX.min()).sum(axis=0)
    assert len(np.unique(depth_X)) == 2
    assert np.ptp(depth_X) == round(0.1 * GRID.nz)


def test_a_dipping_fault_lies_along_its_angle() -> None:
    changes: dict[str, Any] = dict(layers=(40, 40), faults=(1, 1), fault_throw=(0.1, 0.1), fault_dip=(45, 45))
    broken_ZX = np.diff(draw(6, **changes), axis=1) != 0
    rows, columns = np.nonzero(broken_ZX)
    slope = np.polyfit(rows, columns, 1)[0]
    np.testing.assert_allclose(abs(slope), 1.0, rtol=0.05)


@pytest.mark.parametrize("reverse", [0.0, 1.0])
def test_a_dipping_fault_displaces_a_marker_by_its_throw(reverse: float) -> None:
    changes: dict[str, Any] = dict(layers=(2, 2), faults=(1, 1), fault_throw=(0.1, 0.1), reverse_faults=reverse)
    throws = []
    for seed in range(20):
        velocity_ZX = draw(seed, fault_dip=(60, 60), reverse_fault_dip=(60, 60), **changes)
        depth_X = (velocity_ZX == velocity_ZX.min()).sum(axis=0)[[0, -1]]
        if depth_X.min() > 0 and depth_X.max() < GRID.nz:  # the marker is in the section on both sides
            throws.append(np.ptp(depth_X))
    assert len(throws) > 10
    np.testing.assert_allclose(throws, 0.1 * GRID.nz, atol=1)


@pytest.mark.parametrize(("reverse", "repeats"), [(0.0, False), (1.0, True)])
def test_a_reverse_fault_repeats_layers_under_a_well_and_a_normal_one_takes_some_away(
    reverse: float, repeats: bool
) -> None:
    changes: dict[str, Any] = dict(layers=(20, 20), faults=(1, 1), fault_throw=(0.2, 0.2), reverse_faults=reverse)
    for seed in range(20):
        velocity_ZX = draw(seed, velocity_scatter=100.0, **changes)
        assert (np.diff(velocity_ZX, axis=0) < 0).any() == repeats


def test_a_model_has_normal_or_reverse_faults_in_the_share_asked_for() -> None:
    changes: dict[str, Any] = dict(layers=(20, 20), faults=(2, 2), fault_throw=(0.1, 0.1), velocity_scatter=100.0)
    reverse = [(np.diff(draw(seed, reverse_faults=0.3, **changes), axis=0) < 0).any() for seed in range(300)]
    assert abs(np.mean(reverse) - 0.3) < 0.06


def test_a_feature_switched_off_leaves_the_layers_as_they_were() -> None:
    features: dict[str, Any] = dict(faults=(1, 3), fold_amplitude=(0.01, 0.03), dip=(-5, 5))
    for seed in range(10):
        layers = np.unique(draw(seed))
        for name, value in features.items():
            assert np.isin(draw(seed, **{name: value}), layers).all()


def test_the_column_begins_at_the_surface_given() -> None:
    rng = np.random.default_rng
    at_zero, below = (draw_sediments(GRID, FLAT, rng(1), surface=surface) for surface in (0.0, 200.0))
    np.testing.assert_array_equal(at_zero[:-20], below[20:])
    assert (below[:20] == at_zero[0]).all()
