"""Shots and images a second, ours and Deepwave's, in turn in one run, each beside the error of its gathers.

error       gathers in smooth models ──►  relative L2 distance from those on a grid 3 times finer
contenders  ours as the preset says │ Deepwave as the preset says │ Deepwave's settings about as accurate as ours
rounds      every contender once, in turn forwards and backwards; all processes at once, one thread each
"""

import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache
from itertools import product
from math import ceil, floor
from operator import le
from typing import Any, Literal, NamedTuple

import deepwave
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, zoom

from datagen.config import Data
from datagen.ground.ranges import velocity_range
from datagen.velocity import draw_velocity
from datagen.waves.migration import smooth_velocity
from datagen.waves.modelling import WaveEngine
from datagen.waves.positions import Taps, spread
from datagen.waves.timing import HIGHEST_FREQUENCY
from datagen.waves.wavelet import ricker

REFINED, WIDE = 3, 30  # the reference: times finer a grid, and cells of the preset's grid in its layer
PATIENT = 6  # steps a sample of Deepwave's own reference
SMOOTH = 2.0  # [cells] sigma after which a model means the same on both grids
NEAR = 100.0  # [m] from the source, where it is infinite, no error is taken
ALIKE = 2.0  # times our error: Deepwave's settings up to it count
GRID = ((4, 6, 8), (1, 2, 3, 4), (8, 12, 20))  # of Deepwave's settings
MODELS = {"quickstart": 32, "openfwi": 16, "paper": 8}  # of ours, a process and round
FEWER = 4  # times fewer of Deepwave's, which takes them one by one

Job = Literal["forward", "rtm"]
Array = NDArray[Any]
Pools = list[ProcessPoolExecutor]


class Peer(NamedTuple):
    """A setting of Deepwave."""

    order: int
    steps: int  # of time in a sample
    cells: int  # of the absorbing layer
    threads: int = 1  # of one process; 1: all processes together


Rates = dict[Peer | None, list[float]]  # shots a second, round by round; None: ours


@cache
def our_engine(data: Data) -> WaveEngine:
    return WaveEngine(data)


@cache
def models(data: Data, count: int) -> NDArray[np.float32]:
    return np.stack([draw_velocity(data, index) for index in range(count)])


def nodes(depth: Taps, distance_P: Taps) -> torch.Tensor:
    return torch.tensor([[depth.first_P[0], column] for column in distance_P.first_P])


def peer_shots(data: Data, peer: Peer, velocity_ZX: torch.Tensor) -> Any:
    """Deepwave's shots [S, T, R]; sources and receivers are on nodes.  Its f is our −f / h²."""
    survey, places, step = data.survey, spread(data), data.survey.interval / peer.steps
    every = max(1, floor(1 / (2 * HIGHEST_FREQUENCY * survey.frequency * step)))  # as often as we
    count = ceil(survey.samples * peer.steps / every) * every
    sources_S2 = nodes(places.source_depth, places.source_distance_S)
    receivers_R2 = nodes(places.receiver_depth, places.receiver_distance_R)
    amplitude_T = torch.tensor(-ricker(survey.frequency, step, count) / data.grid.spacing**2).float()
    peer_settings: dict[str, Any] = {"accuracy": peer.order, "pml_width": peer.cells, "pml_freq": survey.frequency}
    peer_settings |= {"source_amplitudes": amplitude_T.repeat(survey.shots, 1, 1), "max_vel": velocity_range(data)[1]}
    peer_settings |= {"source_locations": sources_S2[:, None], "model_gradient_sampling_interval": every}
    peer_settings |= {"receiver_locations": receivers_R2.repeat(survey.shots, 1, 1), "check_output_finite": False}
    peer_settings |= {"courant_number": 0.75}  # the steps are stable: it need not shorten them
    traces_SRT = deepwave.scalar(velocity_ZX, data.grid.spacing, step, **peer_settings)[-1]
    return traces_SRT[..., : survey.samples * peer.steps : peer.steps].transpose(1, 2)


@torch.no_grad()
def peer_forward(data: Data, peer: Peer, velocity_MZX: Array) -> Array:
    return np.stack([peer_shots(data, peer, torch.tensor(v_ZX).float()).numpy() for v_ZX in velocity_MZX])


def peer_image(data: Data, peer: Peer, velocity_ZX: Array) -> Any:
    """Gradient of the misfit in the smooth model [Z, X]: Deepwave's route to a correlation of two fields."""
    smooth_ZX = smooth_velocity(velocity_ZX[None], data.migration.smoothing / data.grid.spacing)[0]
    start_ZX = torch.tensor(smooth_ZX).float().requires_grad_()
    observed_STR = torch.tensor(peer_forward(data, peer, velocity_ZX[None])[0])
    (0.5 * (peer_shots(data, peer, start_ZX) - observed_STR) ** 2).sum().backward()
    return start_ZX.grad


def work(data: Data, job: Job, peer: Peer | None, count: int) -> float:
    """Seconds for `count` models in one process, once they are drawn."""
    torch.set_num_threads(peer.threads if peer else 1)
    velocity_MZX, start = models(data, count), time.perf_counter()
    if peer is None:
        engine = our_engine(data)
        engine.shoot(velocity_MZX) if job == "forward" else engine.shoot_and_migrate(velocity_MZX)
    elif job == "forward":
        peer_forward(data, peer, velocity_MZX)
    else:
        for velocity_ZX in velocity_MZX:
            peer_image(data, peer, velocity_ZX)
    return time.perf_counter() - start


def finer(data: Data) -> Data:
    """The same survey for the reference: same places, finer grid, wide layer."""
    h, places = data.grid.spacing, (spread(data).source_distance_S, spread(data).receiver_distance_R)
    sources, receivers = ((place.first_P * h).tolist() for place in places)
    survey = replace(data.survey, source_positions=tuple(sources), receiver_positions=tuple(receivers))
    survey = replace(survey, absorbing_cells=WIDE * REFINED, space_order=8)
    nz, nx = (REFINED * (n - 1) + 1 for n in (data.grid.nz, data.grid.nx))
    return replace(data, grid=replace(data.grid, nz=nz, nx=nx, spacing=h / REFINED), survey=survey)


def smooth_models(data: Data, count: int) -> tuple[Array, Array]:
    """Models on the grid of `data` and the same on that of `finer(data)`."""
    velocity_MZX = gaussian_filter(models(data, count).astype(np.float64), SMOOTH, axes=(1, 2), mode="nearest")
    fine, limits = finer(data), (velocity_MZX.min(), velocity_MZX.max())
    factors = (fine.grid.nz / data.grid.nz, fine.grid.nx / data.grid.nx)
    return velocity_MZX, np.stack([zoom(v_ZX, factors, mode="nearest") for v_ZX in velocity_MZX]).clip(*limits)


def reference(data: Data, peer: Peer | None, count: int) -> Array:
    """Shots on the finer grid, by us or by Deepwave."""
    fine_MZX = smooth_models(data, count)[1]
    return WaveEngine(finer(data)).shoot(fine_MZX) if peer is None else peer_forward(finer(data), peer, fine_MZX)


def compare_shots(data: Data, peers: list[Peer | None], reference_MSTR: Array) -> dict[Peer | None, float]:
    velocity_MZX = smooth_models(data, len(reference_MSTR))[0]

    def shots(peer: Peer | None) -> Array:
        return our_engine(data).shoot(velocity_MZX) if peer is None else peer_forward(data, peer, velocity_MZX)

    return {peer: distance(data, shots(peer), reference_MSTR) for peer in peers}


def distance(data: Data, shots_MSTR: Array, reference_MSTR: Array) -> float:
    """Relative L2, away from the sources."""
    survey = finer(data).survey
    away_SR = np.abs(np.subtract.outer(survey.source_positions, survey.receiver_positions)) >= NEAR
    far, fine_MSTR = away_SR[:, None], reference_MSTR[: len(shots_MSTR)]
    return float(np.linalg.norm((shots_MSTR - fine_MSTR) * far) / np.linalg.norm(fine_MSTR * far))


def measure_errors(pools: Pools, data: Data, peers: list[Peer], count: int) -> tuple[dict[Peer | None, float], float]:
    """Error of our shots (None) and of each peer's; and how far Deepwave's own fine shots are from the reference."""
    first = pools[0].submit(reference, data, None, count)
    second = pools[-1].submit(reference, data, Peer(8, PATIENT, WIDE * REFINED), 1)
    reference_MSTR = first.result()
    contenders: list[Peer | None] = [None, *peers]
    shares = [contenders[k :: len(pools)] for k in range(len(pools))]
    tasks = [
        pool.submit(measure_errors, data, share, reference_MSTR) for pool, share in zip(pools, shares, strict=True)
    ]
    errors = {peer: error for task in tasks for peer, error in task.result().items()}
    return errors, distance(data, second.result(), reference_MSTR)


def measure_rates(pools: Pools, data: Data, job: Job, contenders: list[Peer | None], count: int, rounds: int) -> Rates:
    """All processes together; the first round, which warms up, is not counted."""
    rates: Rates = {contender: [] for contender in contenders}
    for turn in range(rounds + 1):
        for contender in contenders[:: 1 if turn % 2 else -1]:
            each = count if contender is None else max(1, count // FEWER)
            used = pools if contender is None or contender.threads == 1 else pools[:1]
            tasks = [pool.submit(work, data, job, contender, each) for pool in used]
            seconds = max([task.result() for task in tasks])
            if turn:
                rates[contender].append(len(used) * each * data.survey.shots / seconds)
    return rates


def make_row(
    data: Data, job: Job, rates: Rates, errors: dict[Peer | None, float], as_given: Peer, counted: list[Peer]
) -> Any:
    """The fastest of the settings that count stands beside ours."""
    medians = {contender: float(np.median(each)) for contender, each in rates.items()}
    best = max((peer for peer in counted if peer in rates), key=lambda peer: medians[peer])
    row: dict[str, Any] = {"job": job, "ratio": medians[None] / medians[best], "samples": data.survey.samples}
    row |= {"ratio_at_equal_steps": medians[None] / medians[as_given]}
    row |= {"ours_error": errors[None], "deepwave_error": errors[best._replace(threads=1)]}
    for name, contender in (("ours", None), ("deepwave", best)):
        row[f"{name}_shots_per_s"] = medians[contender]
        row[f"{name}_models_per_min"] = medians[contender] * 60 / data.survey.shots
        row[f"{name}_rounds"] = rates[contender]
    clock, survey = our_engine(data).clock, data.survey
    row["ours_setting"] = {"order": survey.space_order, "step_ms": clock.step * 1e3, "cells": survey.absorbing_cells}
    row["deepwave_setting"] = best._asdict()
    row["deepwave_settings"] = [
        peer._asdict()
        | {"error": errors[peer._replace(threads=1)], "counted": peer in counted}
        | {"shots_per_s": medians.get(peer), "rounds": rates.get(peer)}
        for peer in dict.fromkeys([*(peer for peer in errors if peer), *(peer for peer in rates if peer)])
    ]
    return row


def compare(pools: Pools, preset: str, data: Data, rounds: int, quick: bool) -> Iterator[dict[str, Any]]:
    """The two rows of a preset."""
    as_given = Peer(data.survey.space_order, 1, data.survey.absorbing_cells)
    grid = product((8,), (1, 2), (8,)) if quick else product(*GRID)
    peers = list(dict.fromkeys([as_given, *(Peer(*setting) for setting in grid)]))
    errors, doubt = measure_errors(pools, data, peers, 1 if quick or preset == "paper" else 2)
    good = [peer for peer in peers if errors[peer] <= ALIKE * errors[None]]
    good = good or [min(peers, key=lambda peer: errors[peer])]
    counted = [peer for peer in good if not any(p != peer and all(map(le, p, peer)) for p in good)]
    threaded = [peer._replace(threads=len(pools)) for peer in counted[:1]]
    contenders: list[Peer | None] = [None, *dict.fromkeys([as_given, *counted, *threaded])]
    count = 8 if quick else MODELS[preset]
    for job in ("forward", "rtm"):
        rates = measure_rates(pools, data, job, contenders, count, rounds)
        row = make_row(data, job, rates, errors, as_given, counted + threaded)
        best = Peer(**row["deepwave_setting"])
        contenders = [None, *dict.fromkeys([as_given, best])]  # the slower of them need not migrate too
        yield row | {"preset": preset, "reference_error": doubt}
