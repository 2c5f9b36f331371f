import dataclasses
from pathlib import Path

import numpy as np
import pytest

from datagen.config import Data, Grid, Split, Survey
from datagen.velocity import draw_velocity
from datagen.waves.propagator import Propagator, batches, kernel_spec
from datagen.waves.scheme import derive_scheme
from datagen.waves.timing import Clock
from datagen.waves.wavelet import ricker
from trials.settings.config import load

STEPS = 331
SURVEY = Survey(
    shots=8,
    receivers=48,
    source_positions=(0.0, 50.0, 110.0, 240.0, 240.0, 300.0, 410.0, 470.0),
    frequency=15.0,
    interval=0.001,
    samples=STEPS,
    dispersion_correction=False,
)
SOURCES = np.array(SURVEY.source_positions, int) // 10


def models(count=8):
    """Random layers, each with a block of salt."""
    random = np.random.default_rng(7)
    velocity = np.repeat(np.sort(random.uniform(1500, 3500, (count, 5)), axis=1), 8, axis=1)
    velocity_BZX = np.repeat(velocity[:, :, None], 48, axis=2)
    for model, (row, column) in zip(velocity_BZX, random.integers((5, 0), (25, 30), (count, 2)), strict=True):
        model[row : row + 12, column : column + 15] = 4500
    return velocity_BZX


def make_data(**survey):
    return Data(
        folder="unused",
        grid=Grid(nz=40, nx=48, spacing=10.0),
        survey=dataclasses.replace(SURVEY, **survey),
        split=Split(train=1, validation=1, test=1),
    )


def propagator(kind, *, sharing=None, **survey):
    data = make_data(**survey)
    return Propagator(kernel_spec(data, 8), kind, data, Clock(data, derive_scheme(data)), sharing=sharing)


@pytest.fixture(scope="module")
def forward():
    return propagator("forward")


def shoot(forward, velocity_BZX, scale=1.0):
    """What the receivers record [T, R, B]."""
    forward.array("wavelet")[:] = scale * ricker(15.0, 0.001, STEPS)
    forward.set_velocity(velocity_BZX)
    forward.set_sources(np.arange(forward.data.survey.shots))
    forward.run()
    return forward.recorded(8).transpose(1, 2, 0).copy()


def adjoint_mismatch(data, velocity_BZX):
    """|⟨F q, d⟩ − ⟨q, F′ d⟩| / |F q| |d|, the largest of 8 sources, for random q and d.

    With the "wavefield" q at the source and 0 elsewhere, the image there is ⟨q, F′ d⟩.
    """
    random = np.random.default_rng(3)
    survey, clock, spec = data.survey, Clock(data, derive_scheme(data)), kernel_spec(data, 8)
    forward, adjoint = Propagator(spec, "forward", data, clock), Propagator(spec, "adjoint", data, clock)
    q_T = np.zeros(survey.samples)
    q_T[:: clock.image_every] = random.normal(size=len(q_T[:: clock.image_every]))
    data_BTR = random.normal(size=(8, survey.samples, survey.receivers)).astype(forward.spec.dtype)
    adjoint.emit(data_BTR)
    adjoint.array("wavefield").fill(0)
    row = round(survey.source_depth / data.grid.spacing)
    columns = np.rint(np.array(survey.source_positions) / data.grid.spacing).astype(int)
    for slot, column in enumerate(columns):
        adjoint.slots("wavefield")[:, row, column, slot] = q_T[:: clock.image_every]
    for operator in (forward, adjoint):
        operator.set_velocity(velocity_BZX)
    forward.array("wavelet")[:] = q_T
    forward.set_sources(np.arange(forward.data.survey.shots))
    forward.run()
    adjoint.run()
    shots_BTR = forward.recorded(8).astype(np.float64)
    mismatches = []
    for slot, column in enumerate(columns):
        shots, sent = shots_BTR[slot], data_BTR[slot].astype(np.float64)
        assert np.linalg.norm(shots) > 0
        difference = np.vdot(shots, sent) - adjoint.slots("image")[row, column, slot]
        mismatches.append(abs(difference) / np.linalg.norm(shots) / np.linalg.norm(sent))
    return max(mismatches)


@pytest.mark.parametrize(
    ("survey", "tolerance"),
    [
        ({"source_depth": 0.0, "receiver_depth": 20.0, "precision": "float64"}, 1e-12),
        ({"source_depth": 0.0, "receiver_depth": 20.0}, 1e-6),
        ({"source_depth": 200.0, "receiver_depth": 17.0, "precision": "float64"}, 1e-12),
        ({"receiver_depth": 13.0, "precision": "float64", "free_surface": True}, 1e-12),
    ],
)
def test_the_adjoint_operator_is_the_adjoint_of_the_forward_one(survey, tolerance):
    """Salt models, sources also in the corners, receivers off nodes."""
    receivers = np.random.default_rng(4).uniform(0, 470, 48)
    data = make_data(receiver_positions=tuple(receivers), **survey)
    assert adjoint_mismatch(data, models()) < tolerance


@pytest.mark.parametrize(("precision", "tolerance"), [("float64", 1e-12), ("float32", 1e-6)])
@pytest.mark.parametrize("preset", ["quickstart", "openfwi", "paper"])
def test_it_is_so_for_the_geometry_of_every_preset(preset, precision, tolerance):
    data = load(Path(__file__).parents[3] / "presets" / f"{preset}.yml").data
    textbook = dataclasses.replace(data, survey=dataclasses.replace(data.survey, dispersion_correction=False))
    clock = Clock(textbook, derive_scheme(textbook))
    survey = dataclasses.replace(
        data.survey,
        shots=8,
        source_positions=tuple(np.rint(np.linspace(0, data.grid.nx - 1, 8)) * data.grid.spacing),
        samples=20 * clock.image_every + 1,
        dispersion_correction=False,
        precision=precision,
    )
    velocity_BZX = np.stack([draw_velocity(data, index) for index in range(8)])
    assert adjoint_mismatch(dataclasses.replace(data, survey=survey), velocity_BZX) < tolerance


@pytest.mark.parametrize("free_surface", [False, True])
@pytest.mark.parametrize(("shift", "depths"), [(0.0, (10.0, 250.0)), (3.7, (12.0, 255.0))])
def test_source_and_receiver_can_be_exchanged(free_surface, shift, depths):
    """On nodes and between them; near a free surface too."""
    velocity_BZX = np.repeat(models(1), 8, axis=0)
    first, second = (tuple(p + shift for p in places) for places in ((0.0, 60.0, 240.0), (20.0, 150.0, 460.0)))
    settings = {"shots": 3, "receivers": 3, "precision": "float64", "free_surface": free_surface}
    there = propagator(
        "forward",
        source_positions=first,
        receiver_positions=second,
        source_depth=depths[0],
        receiver_depth=depths[1],
        **settings,
    )
    back = propagator(
        "forward",
        source_positions=second,
        receiver_positions=first,
        source_depth=depths[1],
        receiver_depth=depths[0],
        **settings,
    )
    there_TRB, back_TRB = (shoot(operator, velocity_BZX) for operator in (there, back))
    for source in range(3):
        for receiver in range(3):
            one, other = there_TRB[:, receiver, source], back_TRB[:, source, receiver]
            assert np.linalg.norm(one - other) < 1e-12 * np.linalg.norm(one)


def test_scaling_the_wavelet_scales_the_shots(forward):
    velocity_BZX = models()
    once, thrice = shoot(forward, velocity_BZX), shoot(forward, velocity_BZX, scale=-3.0)
    np.testing.assert_allclose(thrice, -3 * once, atol=1e-5 * np.abs(once).max())


def test_shots_of_a_batch_do_not_see_each_other(forward):
    velocity_BZX = models()
    together = shoot(forward, velocity_BZX)
    others = velocity_BZX.copy()
    others[1:] = 1500
    np.testing.assert_array_equal(shoot(forward, others)[..., 0], together[..., 0])
    turned = propagator("forward", source_positions=tuple(np.roll(SURVEY.source_positions, 3)))
    np.testing.assert_array_equal(shoot(turned, np.roll(velocity_BZX, 3, axis=0)), np.roll(together, 3, axis=-1))


def test_the_first_sample_is_at_rest_and_the_second_is_the_first_kick():
    """u at the source after one step is C f(0): sample k is the field at k Δt."""
    forward = propagator("forward", receiver_depth=20.0, source_depth=20.0)
    forward.array("wavelet")[:] = np.arange(STEPS) == 0
    forward.set_velocity(np.full((8, 40, 48), 2000.0))
    forward.set_sources(np.arange(forward.data.survey.shots))
    forward.run()
    shots_BTR = forward.recorded(8)
    assert np.all(shots_BTR[:, 0] == 0)
    np.testing.assert_allclose(shots_BTR[range(8), 1, SOURCES], (2000 * 0.001 / 10) ** 2, rtol=1e-6)


def test_batches_cover_every_pair_once_and_give_a_full_chunk_one_source_each():
    pairs = [(m, s) for models_B, shots_B in batches(8, 5, 8) for m, s in zip(models_B, shots_B, strict=True)]
    assert sorted(pairs) == [(m, s) for m in range(8) for s in range(5)]
    assert all(len(set(shots_B)) == 1 for _, shots_B in batches(8, 5, 8))
    assert [len(models_B) for models_B, _ in batches(3, 5, 8)] == [8, 7]
