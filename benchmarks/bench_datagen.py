"""Shots and images a second, ours and Deepwave's, in turn in one run, each beside the error of its gathers.

error       gathers in smooth models ──►  relative L2 distance from those on a grid 3 times finer
contenders  ours as the preset says │ Deepwave as the preset says │ Deepwave's cheapest at or below our error
rounds      every contender once, in turn forwards and backwards; all processes at once, one thread each
"""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import date
from functools import cache
from itertools import product
from math import ceil, floor
from multiprocessing import get_context
from operator import le
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import deepwave
import numpy as np
import torch
import typer
from numpy.typing import NDArray
from rich.console import Console
from scipy.ndimage import gaussian_filter, zoom

from datagen.config import Data
from datagen.migration import smooth_velocity
from datagen.modelling import WaveEngine
from datagen.positions import Taps, spread
from datagen.survey import fastest_velocity, ricker
from datagen.timing import HIGHEST_FREQUENCY
from datagen.velocity import draw_velocity
from trials.config import load

ROOT = Path(__file__).resolve().parents[1]
REFINED, WIDE = 3, 30  # the reference: times finer a grid, and cells of the preset's grid in its layer
SMOOTH = 2.0  # [cells] sigma after which a model means the same on both grids
NEAR = 100.0  # [m] from the source, where it is infinite, no error is taken
MODELS = {"quickstart": 32, "openfwi": 16, "paper": 8}  # a process and round

Job = Literal["forward", "rtm"]
Array = NDArray[Any]
Pools = list[ProcessPoolExecutor]
Rates = dict["Peer | None", list[float]]  # shots a second, round by round; None: ours


class Peer(NamedTuple):
    """A setting of Deepwave."""

    order: int
    steps: int  # of time in a sample
    cells: int  # of the absorbing layer


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
    peer_settings |= {"source_amplitudes": amplitude_T.repeat(survey.shots, 1, 1), "max_vel": fastest_velocity(data)}
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


def measure_errors(data: Data, peers: list[Peer], count: int) -> tuple[float, dict[Peer, float], float]:
    """Error of our shots and of each peer's; and how far Deepwave's own fine shot is from the reference."""
    velocity_MZX = gaussian_filter(models(data, count).astype(np.float64), SMOOTH, axes=(1, 2), mode="nearest")
    fine, limits = finer(data), (velocity_MZX.min(), velocity_MZX.max())
    factors = (fine.grid.nz / data.grid.nz, fine.grid.nx / data.grid.nx)
    fine_MZX = np.stack([zoom(v_ZX, factors, mode="nearest") for v_ZX in velocity_MZX]).clip(*limits)
    reference_MSTR = WaveEngine(fine).shoot(fine_MZX)
    away_SR = np.abs(np.subtract.outer(fine.survey.source_positions, fine.survey.receiver_positions)) >= NEAR

    def error(shots_MSTR: Array) -> float:
        far, reference = away_SR[:, None], reference_MSTR[: len(shots_MSTR)]
        return float(np.linalg.norm((shots_MSTR - reference) * far) / np.linalg.norm(reference * far))

    second_MSTR = peer_forward(fine, Peer(8, 12, WIDE * REFINED), fine_MZX[:1])
    errors = {peer: error(peer_forward(data, peer, velocity_MZX)) for peer in peers}
    return error(our_engine(data).shoot(velocity_MZX)), errors, error(second_MSTR)


def measure_rates(pools: Pools, data: Data, job: Job, contenders: list[Peer | None], count: int, rounds: int) -> Rates:
    """All processes together; the first round, which warms up, is not counted."""
    rates: Rates = {contender: [] for contender in contenders}
    for turn in range(rounds + 1):
        for contender in contenders[:: 1 if turn % 2 else -1]:
            tasks = [pool.submit(work, data, job, contender, count) for pool in pools]
            seconds = max([task.result() for task in tasks])
            if turn:
                rates[contender].append(len(pools) * count * data.survey.shots / seconds)
    return rates


def row_of(preset: str, job: Job, data: Data, rates: Rates, errors: dict[Peer, float], counted: list[Peer]) -> Any:
    """The fastest of the settings that count stands beside ours."""
    medians = {contender: float(np.median(each)) for contender, each in rates.items()}
    best = max(counted, key=lambda peer: medians[peer])
    row: dict[str, Any] = {"preset": preset, "job": job, "ratio": medians[None] / medians[best]}
    row |= {"fraction_of_limit": None, "deepwave_error": errors[best], "deepwave_setting": best._asdict()}
    for name, contender in (("ours", None), ("deepwave", best)):
        row[f"{name}_shots_per_s"] = medians[contender]
        row[f"{name}_models_per_min"] = medians[contender] * 60 / data.survey.shots
        row[f"{name}_rounds"] = rates[contender]
    row["deepwave_settings"] = [
        peer._asdict() | {"error": error, "shots_per_s": medians.get(peer), "counted": peer in counted}
        for peer, error in errors.items()
    ]
    return row


def page(record: dict[str, Any]) -> str:
    """The rows as Markdown."""

    def rate(row: dict[str, Any], who: str) -> str:
        each = row[f"{who}_rounds"]
        return f"{row[f'{who}_shots_per_s']:.1f} ({min(each):.1f} – {max(each):.1f}) | {row[f'{who}_error']:.2%}"

    text = "# Modelling and migration beside Deepwave\n\n"
    text += "".join(f"- {key}: `{record[key]}`\n" for key in ("command", "commit", "machine", "date")) + NOTES
    text += "\n| preset | job | ours, shots/s | error | Deepwave, shots/s | error | ratio | models/min | load |\n"
    text += "|---" * 9 + "|\n"
    for row in record["rows"]:
        each = f"{row['ours_models_per_min']:.0f} : {row['deepwave_models_per_min']:.0f}"
        text += f"| {row['preset']} | {row['job']} | {rate(row, 'ours')} | {rate(row, 'deepwave')} "
        text += f"| **{row['ratio']:.2f}** | {each} | {row['load'][0]:.1f} → {row['load'][1]:.1f} |\n"
    text += "\n| preset | job | order | steps a sample | layer | error | shots/s | counted |\n" + "|---" * 8 + "|\n"
    for row in record["rows"]:
        for s in row["deepwave_settings"]:
            speed = f"{s['shots_per_s']:.1f}" if s["shots_per_s"] else "not timed"
            text += f"| {row['preset']} | {row['job']} | {s['order']} | {s['steps']} | {s['cells']} "
            text += f"| {s['error']:.2%} | {speed} | {'yes' if s['counted'] else ''} |\n"
    return text


NOTES = f"""
Medians (slowest – fastest round).  rtm: shots and image; Deepwave: shots and gradient of the misfit in a smooth model.
Error: in models smoothed over {SMOOTH:g} cells, {NEAR:g} m and more from the source.  Counted: Deepwave's settings with
no more than our error that none such undercuts in order, steps and layer; if there is none, its most accurate one.
"""


def bench(pools: Pools, record: Any, folder: Path, preset: str, rounds: int, quick: bool) -> None:
    """The two rows of a preset, each written when it is there."""
    console, data = Console(), load(ROOT / "presets" / f"{preset}.yml").data
    grid = product((8,), (1, 2), (8,)) if quick else product((4, 6, 8), (1, 2, 3, 4), (8, 12, 20))
    as_given = Peer(data.survey.space_order, 1, data.survey.absorbing_cells)
    peers = list(dict.fromkeys([as_given, *(Peer(*setting) for setting in grid)]))
    ours, errors, doubt = pools[0].submit(measure_errors, data, peers, 1 if quick else 2).result()
    good = [peer for peer in peers if errors[peer] <= ours] or [min(peers, key=lambda peer: errors[peer])]
    counted = [peer for peer in good if not any(p != peer and all(map(le, p, peer)) for p in good)]
    for job in ("forward", "rtm"):
        before, count = os.getloadavg()[0], 8 if quick else MODELS[preset]
        rates = measure_rates(pools, data, job, [None, *dict.fromkeys([as_given, *counted])], count, rounds)
        row = row_of(preset, job, data, rates, errors, counted) | {"ours_error": ours, "reference_error": doubt}
        record["rows"].append(row | {"load": [before, os.getloadavg()[0]]})
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "datagen.json").write_text(json.dumps(record, indent=1) + "\n")
        (folder / "datagen.md").write_text(page(record))
        console.log(f"{preset}, {job}: ratio {row['ratio']:.2f}; errors {ours:.2%} and {row['deepwave_error']:.2%}")


def main(
    quick: Annotated[bool, typer.Option(help="A try of a minute: quickstart, one round, few settings.")] = False,
    paper: Annotated[bool, typer.Option(help="The preset paper too.")] = False,
    rounds: Annotated[int, typer.Option(min=1, help="Measurements of each contender.")] = 5,
    processes: Annotated[int, typer.Option(min=1, help="Of one thread each, on either side.")] = 2,
    output: Annotated[Path | None, typer.Option(help="Folder of the results; benchmarks/results if not quick.")] = None,
) -> None:
    """Measures modelling and migration beside Deepwave."""
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    folder = output or ROOT / ("build/tries" if quick else "benchmarks/results")
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    processor = Path("/proc/cpuinfo").read_text().partition("model name\t: ")[2].partition("\n")[0]
    machine = f"{processor}, {os.cpu_count()} cores; {processes} processes; Deepwave {deepwave.__version__}"
    record: dict[str, Any] = {"command": " ".join(["python", "benchmarks/bench_datagen.py", *sys.argv[1:]])}
    record |= {"commit": commit.stdout.strip(), "machine": machine, "date": date.today().isoformat(), "rows": []}
    pools = [ProcessPoolExecutor(1, mp_context=get_context("spawn")) for _ in range(processes)]
    for preset in ["quickstart"] if quick else ["quickstart", "openfwi", *["paper"] * paper]:
        bench(pools, record, folder, preset, 1 if quick else rounds, quick)


if __name__ == "__main__":
    typer.run(main)
