from collections.abc import Callable
from dataclasses import replace

import numpy as np

from datagen.config import Data, Salt
from datagen.velocity import draw_velocity

MakeData = Callable[..., Data]


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
