import numpy as np
import pytest

from datagen.config import Grid, Survey
from datagen.kernel import KernelSpec
from datagen.propagator import Propagator, batches
from datagen.survey import ricker

EVERY, STEPS = 11, 331
GRID = Grid(nz=40, nx=48, spacing=10.0)
SURVEY = Survey(shots=1, receivers=48, frequency=15.0, interval=0.001, samples=STEPS)
SOURCES = np.array([0, 5, 11, 24, 24, 30, 41, 47])


def models(count=8):
    """Random layers, each with a block of salt."""
    random = np.random.default_rng(7)
    velocity = np.repeat(np.sort(random.uniform(1500, 3500, (count, 5)), axis=1), 8, axis=1)
    velocity_BZX = np.repeat(velocity[:, :, None], 48, axis=2)
    for model, (row, column) in zip(velocity_BZX, random.integers((5, 0), (25, 30), (count, 2)), strict=True):
        model[row : row + 12, column : column + 15] = 4500
    return velocity_BZX


def propagator(kind, dtype="float32", *, receiver_row=2, sharing=None):
    return Propagator(
        KernelSpec(dtype=dtype),
        kind,
        GRID,
        SURVEY,
        steps=STEPS,
        receiver_row=receiver_row,
        every=EVERY,
        sharing=sharing,
    )


@pytest.fixture(scope="module")
def forward():
    return propagator("forward")


def shoot(forward, velocity_BZX, columns_B, row=1, scale=1.0):
    forward.array("wavelet")[:] = scale * ricker(15.0, 0.001, STEPS)
    forward.set_velocity(velocity_BZX)
    forward.set_sources(row, columns_B)
    forward.run()
    return forward.slots("shots").copy()


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-6)])
@pytest.mark.parametrize("row", [0, 1, 20])
def test_the_adjoint_operator_is_the_adjoint_of_the_forward_one(dtype, tolerance, row):
    """⟨F q, d⟩ = ⟨q, F′ d⟩ for random q and d; salt models, sources also in the corners.

    With the "wavefield" q at the source and 0 elsewhere, the image there is ⟨q, F′ d⟩.
    """
    random = np.random.default_rng(row)
    forward, adjoint = propagator("forward", dtype), propagator("adjoint", dtype)
    q_T = np.zeros(STEPS)
    q_T[::EVERY] = random.normal(size=STEPS // EVERY + 1)
    forward.array("wavelet")[:] = q_T
    data_TXB = random.normal(size=(STEPS, 48, 8))
    adjoint.slots("data")[::-1] = data_TXB
    adjoint.array("wavefield").fill(0)
    for slot, column in enumerate(SOURCES):
        adjoint.slots("wavefield")[:, row, column, slot] = q_T[::EVERY]
    for operator in (forward, adjoint):
        operator.set_velocity(models())
    forward.set_sources(row, SOURCES)
    forward.run()
    adjoint.run()
    for slot, column in enumerate(SOURCES):
        shots, data = (a[..., slot].astype(np.float64) for a in (forward.slots("shots"), data_TXB))
        difference = np.vdot(shots, data) - adjoint.slots("image")[row, column, slot]
        assert abs(difference) < tolerance * np.linalg.norm(shots) * np.linalg.norm(data)
        assert np.linalg.norm(shots) > 0


def test_source_and_receiver_can_be_exchanged():
    velocity_BZX = models()
    there = shoot(propagator("forward", "float64", receiver_row=25), velocity_BZX, SOURCES, row=1)
    back = shoot(propagator("forward", "float64", receiver_row=1), velocity_BZX, SOURCES[::-1], row=25)
    for slot in range(8):
        first, second = there[:, SOURCES[::-1][slot], slot], back[:, SOURCES[slot], slot]
        assert np.linalg.norm(first - second) < 1e-12 * np.linalg.norm(first)


def test_scaling_the_wavelet_scales_the_shots(forward):
    velocity_BZX = models()
    once, thrice = shoot(forward, velocity_BZX, SOURCES), shoot(forward, velocity_BZX, SOURCES, scale=-3.0)
    np.testing.assert_allclose(thrice, -3 * once, atol=1e-5 * np.abs(once).max())


def test_shots_of_a_batch_do_not_see_each_other(forward):
    velocity_BZX = models()
    together = shoot(forward, velocity_BZX, SOURCES)
    others = velocity_BZX.copy()
    others[1:] = 1500
    np.testing.assert_array_equal(shoot(forward, others, SOURCES)[..., 0], together[..., 0])
    turned = shoot(forward, np.roll(velocity_BZX, 3, axis=0), np.roll(SOURCES, 3))
    np.testing.assert_array_equal(turned, np.roll(together, 3, axis=-1))


def test_the_first_sample_is_at_rest_and_the_second_is_the_first_kick(forward):
    """u at the source after one step is C f(0): sample k is the field at k Δt."""
    forward.array("wavelet")[:] = np.arange(STEPS) == 0
    forward.set_velocity(np.full((8, 40, 48), 2000.0))
    forward.set_sources(2, SOURCES)
    forward.run()
    assert np.all(forward.slots("shots")[0] == 0)
    np.testing.assert_allclose(forward.slots("shots")[1, SOURCES, range(8)], (2000 * 0.001 / 10) ** 2, rtol=1e-6)


def test_batches_cover_every_pair_once_and_give_a_full_chunk_one_source_each():
    pairs = [(m, s) for models_B, shots_B in batches(8, 5, 8) for m, s in zip(models_B, shots_B, strict=True)]
    assert sorted(pairs) == [(m, s) for m in range(8) for s in range(5)]
    assert all(len(set(shots_B)) == 1 for _, shots_B in batches(8, 5, 8))
    assert [len(models_B) for models_B, _ in batches(3, 5, 8)] == [8, 7]
