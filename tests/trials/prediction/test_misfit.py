import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from datagen.config import Data, Grid, Split, Survey
from datagen.waves.modelling import WaveEngine
from trials.prediction.misfit import gain, measure_misfit, window_edges

DATA = Data(
    folder="data/tiny",
    grid=Grid(nz=40, nx=40, spacing=10.0),
    survey=Survey(shots=2, receivers=40, frequency=15.0, interval=0.001, samples=500, space_order=6),
    split=Split(train=8, validation=4, test=4),
)


@pytest.fixture(scope="module")
def engine():
    return WaveEngine(DATA)


@pytest.fixture(scope="module")
def model_ZX():
    model = np.full((40, 40), 2000.0)
    model[15:], model[28:] = 2600.0, 3300.0
    return model


@pytest.fixture(scope="module")
def recorded(engine, model_ZX):
    return engine.shoot(model_ZX[None])


def misfit(recorded_NSTR, modelled_NSTR):
    return measure_misfit(recorded_NSTR, modelled_NSTR, gain(recorded_NSTR, DATA.survey))


def test_the_true_velocity_explains_everything(engine, model_ZX, recorded):
    found = misfit(recorded, engine.shoot(model_ZX[None]))
    assert found.whole_N[0] < 1e-6
    assert found.scale_NS == pytest.approx(np.ones((1, 2)))


def test_the_misfit_grows_with_the_error_of_the_velocity(engine, model_ZX, recorded):
    noise = gaussian_filter(np.random.default_rng(1).standard_normal((40, 40)), 6, mode="nearest")
    noise /= noise.std()
    wrong_NZX = np.stack([model_ZX * (1 + size * noise) for size in (0.0, 0.01, 0.02, 0.04, 0.08)])
    many = np.repeat(recorded, 5, axis=0)
    whole_N = misfit(many, engine.shoot(np.clip(wrong_NZX, *engine.scheme.carried))).whole_N
    assert (np.diff(whole_N) > 0.02).all()
    assert whole_N[-1] <= 1


def test_without_reflectors_the_late_windows_are_not_explained(engine, model_ZX, recorded):
    """The direct wave, right in both, is all that the energy of the record is made of."""
    modelled = engine.shoot(np.full_like(model_ZX, 2000.0)[None])
    raw = np.sqrt(np.square(recorded - modelled).sum() / np.square(recorded).sum())
    found = misfit(recorded, modelled)
    assert raw < 0.3 < 0.4 < found.whole_N[0]
    assert (found.windows_NSW[0, :, 0] < 0.1).all()
    assert (found.windows_NSW[0, :, 3:] > 0.7).all()


def test_source_strength_and_polarity_do_not_count(engine, model_ZX, recorded):
    found = misfit(recorded * np.array([-1000.0, 0.01])[None, :, None, None], engine.shoot(model_ZX[None]))
    assert found.whole_N[0] < 1e-6
    assert found.scale_NS[0] == pytest.approx([-1000.0, 0.01])


def test_silence_explains_nothing_and_has_no_misfit_itself(recorded):
    assert misfit(recorded, np.zeros_like(recorded)).whole_N == pytest.approx([1.0])
    half = recorded.copy()
    half[:, 1] = 0
    found = misfit(half, recorded)
    assert np.isnan(found.shots_NS[0, 1])
    assert np.isnan(found.scale_NS[0, 1])
    assert found.whole_N[0] < 1e-6


def test_a_dead_trace_does_not_count(recorded):
    dead = recorded.copy()
    dead[..., 7] = 0
    assert misfit(dead, recorded).whole_N[0] < 1e-6


def test_windows_cover_the_record():
    assert window_edges(500) == [0, 100, 200, 300, 400, 500]
    assert window_edges(7) == [0, 1, 2, 4, 5, 7]
