"""The models to adapt with look like what the network saw, and as sharp as ground is."""

import numpy as np

from datagen.config import Data, Grid, Split, Survey
from trials.adapting.own_ground import LAYERS, in_steps, own_ground

RECIPE = Data(
    folder="data/tiny",
    grid=Grid(nz=30, nx=32, spacing=10.0),
    survey=Survey(shots=2, receivers=32, frequency=15.0, interval=0.001, samples=100),
    split=Split(train=8, validation=4, test=4),
)
LIMITS = (1500.0, 3600.0)
SLOPE_ZX = np.linspace(1600, 3200, 30)[:, None] + 0 * np.arange(32)


def test_steps_keep_the_mean_and_have_few_velocities() -> None:
    stepped_ZX = in_steps(SLOPE_ZX, np.random.default_rng(0))
    assert np.isclose(stepped_ZX.mean(), SLOPE_ZX.mean())
    assert len(np.unique(stepped_ZX)) <= LAYERS[1]
    assert (np.diff(stepped_ZX, axis=0) >= 0).all(), "layers are in the order of the slope"


def test_models_stay_within_the_limits_and_near_the_prediction() -> None:
    models_NZX = own_ground(SLOPE_ZX[None], 40, RECIPE, LIMITS, seed=1)
    assert models_NZX.shape == (40, 30, 32)
    assert models_NZX.dtype == np.float32
    assert models_NZX.min() >= LIMITS[0]
    assert models_NZX.max() <= LIMITS[1]
    near = [np.corrcoef(each.ravel(), SLOPE_ZX.ravel())[0, 1] for each in models_NZX]
    assert np.median(near) > 0.9


def test_the_same_seed_gives_the_same_models() -> None:
    first, again, other = (own_ground(SLOPE_ZX[None], 6, RECIPE, LIMITS, seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
