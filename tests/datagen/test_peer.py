"""Against Deepwave: two solvers of one equation, written apart, that agree are worth more than one."""

import dataclasses

import numpy as np
import pytest

from datagen.config import Data, Grid, Split, Survey
from datagen.waves.modelling import WaveEngine
from datagen.waves.propagator import Propagator, kernel_spec
from datagen.waves.scheme import derive_scheme
from datagen.waves.timing import Clock
from datagen.waves.wavelet import ricker

torch = pytest.importorskip("torch")
deepwave = pytest.importorskip("deepwave", reason="the peer is not installed: pip install deepwave")

COLUMNS = np.arange(70)
DATA = Data(
    folder="unused",
    grid=Grid(nz=70, nx=70, spacing=10.0),
    survey=Survey(
        shots=3,
        receivers=70,
        frequency=15.0,
        interval=0.001,
        samples=1000,
        dispersion_correction=False,
    ),
    split=Split(train=1, validation=1, test=1),
)
SOURCES = (10, 34, 59)


def salt_model():
    """Layers, a dipping one and a block of salt."""
    Z, X = np.mgrid[:70, :70]
    velocity_ZX = 1500.0 + 250 * np.clip((Z + X // 7) // 10, 0, 8)
    velocity_ZX[(Z - 40) ** 2 + (X - 30) ** 2 < 120] = 4500
    return velocity_ZX


def peer_shots(velocity_ZX, survey):
    """Deepwave's shots [S, T, R] as a tensor, for the same samples, order, layer and wavelet.

    It adds −v²Δt² f where we add (vΔt/h)² f.
    """
    amplitude_T = -ricker(survey.frequency, survey.interval, survey.samples) / DATA.grid.spacing**2
    sources = torch.tensor([[[1, column]] for column in SOURCES])
    receivers = torch.tensor(np.stack([np.ones_like(COLUMNS), COLUMNS], axis=1)).repeat(len(SOURCES), 1, 1)
    traces_SRT = deepwave.scalar(
        velocity_ZX,
        DATA.grid.spacing,
        survey.interval,
        source_amplitudes=torch.tensor(amplitude_T, dtype=torch.float32).repeat(len(SOURCES), 1, 1),
        source_locations=sources,
        receiver_locations=receivers,
        accuracy=survey.space_order,
        pml_width=survey.absorbing_cells,
        pml_freq=survey.frequency,
        max_vel=4500.0,
        courant_number=0.7,  # one step a sample
        time_taper=False,
    )[-1]
    return traces_SRT.transpose(1, 2)


@pytest.mark.parametrize(("absorbing_cells", "tolerance"), [(60, 1e-4), (8, 2e-3)])
def test_shots_agree_with_deepwaves(absorbing_cells, tolerance):
    survey = dataclasses.replace(
        DATA.survey, absorbing_cells=absorbing_cells, source_positions=tuple(10.0 * c for c in SOURCES)
    )
    ours_STR = WaveEngine(dataclasses.replace(DATA, survey=survey)).shoot(salt_model()[None])[0]
    theirs_STR = peer_shots(torch.tensor(salt_model(), dtype=torch.float32), survey).numpy()
    assert np.linalg.norm(ours_STR - theirs_STR) < tolerance * np.linalg.norm(theirs_STR)


def test_the_gradient_of_the_misfit_agrees_with_deepwaves_autograd():
    """∂/∂v ½‖F(v) − d‖² = 2/(v C) Σₜ λ[t] (u[t+1] − 2u[t] + u[t−1]), by the operators that migrate."""
    survey = dataclasses.replace(
        DATA.survey, absorbing_cells=60, samples=600, source_positions=tuple(10.0 * c for c in SOURCES)
    )
    start_ZX = np.full((70, 70), 1500.0) + 25 * np.arange(70)[:, None]
    observed_STR = peer_shots(torch.tensor(salt_model(), dtype=torch.float32), survey).detach()
    velocity_ZX = torch.tensor(start_ZX, dtype=torch.float32, requires_grad=True)
    modelled_STR = peer_shots(velocity_ZX, survey)
    (0.5 * (modelled_STR - observed_STR) ** 2).sum().backward()
    theirs_ZX = velocity_ZX.grad.numpy()

    data = dataclasses.replace(DATA, survey=survey)
    clock = Clock(data, derive_scheme(data))
    clock.image_every = 1
    source = Propagator(kernel_spec(data, 8), "snapshots", data, clock)
    receivers = Propagator(kernel_spec(data, 8), "adjoint", data, clock, sharing=source)
    source.set_velocity(np.repeat(start_ZX[None], 8, axis=0))
    source.set_sources(np.arange(data.survey.shots))
    source.run()
    residual_STR = source.recorded(len(SOURCES)) - observed_STR.numpy()
    field_TZX = source.array("wavefield")
    acceleration_TZX = np.diff(field_TZX, 2, axis=0, prepend=0, append=0)
    field_TZX[:] = acceleration_TZX
    receivers.emit(residual_STR)
    receivers.run()
    image_ZX = receivers.slots("image")[..., : len(SOURCES)].sum(axis=-1)
    courant_ZX = start_ZX * survey.interval / DATA.grid.spacing
    ours_ZX = 2 / (start_ZX * courant_ZX**2) * image_ZX
    inside = np.s_[1:-1, 1:-1]  # theirs has at the edge the layer's too, which continues it
    difference = np.linalg.norm((ours_ZX - theirs_ZX)[inside])
    assert difference < 1e-3 * np.linalg.norm(theirs_ZX[inside])
