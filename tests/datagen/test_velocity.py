import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen.config import Data, Geology, Grid, Salt, Split, Survey
from datagen.ground.ranges import velocity_range
from datagen.preset import read_data
from datagen.velocity import draw_velocity

MakeData = Callable[..., Data]
PRESETS = Path(__file__).parents[2] / "presets"
NO_SALT = Salt(probability=0.0)


def test_a_sample_depends_on_configuration_seed_and_index_alone(make_data: MakeData) -> None:
    data = make_data()
    alone = draw_velocity(data, 5)
    for index in range(5):
        draw_velocity(data, index)
    np.random.default_rng().random()
    np.testing.assert_array_equal(draw_velocity(make_data("elsewhere"), 5), alone)


def test_samples_and_seeds_differ(make_data: MakeData) -> None:
    data = make_data()
    models = [draw_velocity(data, index) for index in range(20)]
    models.append(draw_velocity(replace(data, seed=data.seed + 1), 0))
    assert len({model.tobytes() for model in models}) == len(models)


def test_models_are_float32_within_the_configured_velocities(make_data: MakeData) -> None:
    data = make_data()
    for index in range(50):
        velocity_ZX = draw_velocity(data, index)
        assert velocity_ZX.dtype == np.float32
        assert velocity_ZX.shape == (16, 24)
        assert velocity_ZX.min() >= data.geology.velocity[0]
        assert set(np.unique(velocity_ZX[velocity_ZX > data.geology.velocity[1]])) <= {data.salt.velocity}


def test_other_salt_leaves_the_sediments_as_they_were(make_data: MakeData) -> None:
    data = make_data()
    bare = replace(data, salt=Salt(probability=0.0))
    for index in range(10):
        salty_ZX, bare_ZX = draw_velocity(data, index), draw_velocity(bare, index)
        salt_ZX = salty_ZX == data.salt.velocity
        np.testing.assert_array_equal(salty_ZX[~salt_ZX], bare_ZX[~salt_ZX])


def test_on_top_is_water_down_to_the_sea_floor_and_none_below(make_data: MakeData) -> None:
    geology = Geology(velocity=(1600.0, 3500.0), water_depth=(20.0, 80.0), water_velocity=(1480.0, 1540.0))
    data = make_data(geology=geology, salt=Salt(probability=1.0, depth=(0.0, 0.1)))
    depth_Z1 = np.arange(16)[:, None] * 10.0
    for index in range(20):
        velocity_ZX = draw_velocity(data, index)
        water_ZX = velocity_ZX < 1600
        assert len(np.unique(velocity_ZX[water_ZX])) == 1
        floor_X = water_ZX.sum(axis=0) * 10.0
        assert floor_X.min() >= 20
        assert floor_X.max() <= 90  # the first node below the deepest floor
        np.testing.assert_array_equal(water_ZX, depth_Z1 < floor_X)


def test_water_and_inclusions_switched_off_leave_the_rest_as_it_was(make_data: MakeData) -> None:
    sea = Geology(water_depth=(40.0, 40.0), water_velocity=(1500.0, 1500.0))
    dirty = Salt(probability=1.0, inclusions=(2, 2), inclusion_size=(40.0, 80.0))
    data = make_data(grid=Grid(nz=40, nx=40, spacing=10.0), geology=sea, salt=replace(dirty, probability=0.0))
    land = replace(data, geology=Geology())
    salty, plain = replace(land, salt=dirty), replace(land, salt=replace(dirty, inclusions=(0, 0)))
    for index in range(10):
        np.testing.assert_array_equal(draw_velocity(data, index)[4:], draw_velocity(land, index)[:-4])
        dirty_ZX, plain_ZX = draw_velocity(salty, index), draw_velocity(plain, index)
        assert (plain_ZX[dirty_ZX != plain_ZX] == dirty.velocity).all()


@pytest.mark.parametrize(
    ("preset", "digest"),
    [
        ("field", "6a157337845e8684"),
        ("openfwi", "bd3971188aa8de41"),
        ("paper", "e0f94faabf74f113"),
        ("quickstart", "684ad1d72ebdc8df"),
    ],
)
def test_the_models_of_a_preset_stay_what_they_were(preset: str, digest: str) -> None:
    """A data set is made again from its recipe alone.  Whole m/s: the last bits differ between processors."""
    data = read_data(PRESETS / f"{preset}.yml", {})
    models = [np.rint(draw_velocity(data, index)).astype("<i4") for index in range(10)]
    assert hashlib.sha256(b"".join(model.tobytes() for model in models)).hexdigest()[:16] == digest


def test_the_share_asked_for_lies_under_the_sea_and_the_rest_is_land(make_data: MakeData) -> None:
    sea = Geology(velocity=(1600.0, 3500.0), water_depth=(40.0, 40.0))
    wet, dry, some = (make_data(geology=replace(sea, marine=share), salt=NO_SALT) for share in (1.0, 0.0, 0.3))
    land = make_data(geology=replace(sea, water_depth=(0.0, 0.0)), salt=NO_SALT)
    under_water = 0
    for index in range(300):
        velocity_ZX = draw_velocity(some, index)
        is_wet = bool((velocity_ZX[0] == 1500).all())
        under_water += is_wet
        np.testing.assert_array_equal(velocity_ZX, draw_velocity(wet if is_wet else land, index))
        np.testing.assert_array_equal(draw_velocity(dry, index), draw_velocity(land, index))
    assert under_water / 300 == pytest.approx(0.3, abs=0.08)


def real(low: float, high: float) -> st.SearchStrategy[float]:
    """Without subnormal numbers: compiled kernels switch them off for the whole process."""
    return st.floats(low, high, allow_subnormal=False)


def pair(low: float, high: float) -> st.SearchStrategy[tuple[float, float]]:
    return st.tuples(real(low, high), real(low, high)).map(lambda two: (min(two), max(two)))


def count(low: int, high: int) -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(st.integers(low, high), st.integers(low, high)).map(lambda two: (min(two), max(two)))


GEOLOGIES = st.builds(
    Geology,
    family=st.sampled_from(["layered", "flat", "curved", "flat_fault", "curved_fault"]),
    layers=count(1, 60),
    thickness_shape=real(0.5, 50),
    taller=pair(0, 2000),
    velocity=pair(300, 8000),
    velocity_scatter=real(0, 1000),
    inversions=real(0, 0.5),
    gradient=pair(0, 5),
    thin_beds=count(0, 6),
    thin_bed_thickness=pair(0, 500),
    thin_bed_contrast=pair(0, 2000),
    fold_amplitude=pair(0, 0.2),
    dip=pair(-45, 45),
    faults=count(0, 6),
    fault_throw=pair(0, 1),
    fault_dip=pair(20, 90),
    reverse_faults=real(0, 1),
    reverse_fault_dip=pair(20, 90),
    water_depth=pair(0, 100),
    marine=real(0, 1),
    water_velocity=pair(1400, 1600),
)
SALTS = st.builds(
    Salt,
    probability=real(0, 1),
    hulls=count(1, 6),
    points=count(3, 20),
    velocity=real(3000, 6000),
    size=pair(0.01, 0.25),
    depth=pair(0, 1),
    rugosity=pair(0, 500),
    inclusions=count(0, 5),
    inclusion_size=pair(1, 500),
    inclusion_velocity=pair(300, 8000),
)
GRIDS = st.builds(Grid, nz=st.integers(16, 40), nx=st.integers(16, 40), spacing=real(1, 50))


@settings(max_examples=150, deadline=None)
@given(grid=GRIDS, geology=GEOLOGIES, salt=SALTS, seed=st.integers(0, 2**40))
def test_every_model_of_every_configuration_is_finite_and_in_the_promised_range(
    grid: Grid, geology: Geology, salt: Salt, seed: int
) -> None:
    survey = Survey(shots=1, receivers=2, frequency=15.0, interval=0.001, samples=16)
    split = Split(train=1, validation=1, test=1)
    data = Data(folder="none", seed=seed, grid=grid, geology=geology, salt=salt, survey=survey, split=split)
    slowest, fastest = velocity_range(data)
    velocity_ZX = draw_velocity(data, 0)
    assert velocity_ZX.shape == (grid.nz, grid.nx)
    assert np.isfinite(velocity_ZX).all()
    assert velocity_ZX.min() >= slowest * (1 - 1e-6)
    assert velocity_ZX.max() <= fastest * (1 + 1e-6)
    np.testing.assert_array_equal(velocity_ZX, draw_velocity(data, 0))
