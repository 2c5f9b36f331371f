"""Bundles side by side in one run: latency on 1 and 2 threads, throughput, memory.

for each round:  bundle, UNet, ResUNet34 in turn, each on 1 and on 2 threads
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median, stdev
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.progress import track

from compressors.bundles.bundle import load_bundle, write_bundle
from compressors.graphs.runner import Imager
from compressors.verify import batch_ms
from search_spaces.build import build, count_parameters, nonzero_parameters
from search_spaces.config import Network

BIG = {"UNet": Network(model="unet", width=48, depth=5), "ResUNet34": Network(model="resunet34")}
BATCH = 8  # models at a time for throughput and memory
CALLS = 7  # timed calls of a network per round, of which the median counts

Row = dict[str, Any]

MEMORY = """
import re, sys
import numpy
from compressors.graphs.runner import Imager
imager = Imager(sys.argv[1], threads=1)
s = imager.contents.shape
imager(numpy.zeros((int(sys.argv[2]), s.shots, s.samples, s.receivers), numpy.float32))
print(re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())[1])  # getrusage counts the parent's too
"""


def bench(bundle: str | Path, *, rounds: int = 5) -> list[Row]:
    """Rows of the bundle and of the big networks on its survey, see `compare_bundles`.  Raises InputError: damaged."""
    with TemporaryDirectory() as beside:
        folders = {load_bundle(bundle).contents.name: Path(bundle)}
        for name, spec in track(BIG.items(), "exports", console=Console(stderr=True), disable=not _terminal()):
            folders[name] = untrained(bundle, spec, Path(beside) / name)
        return compare_bundles(folders, rounds=rounds)


def untrained(like: str | Path, spec: Network, folder: Path) -> Path:
    """A bundle of another network, with fresh weights, for the survey of the bundle `like`."""
    contents = load_bundle(like).contents
    spec = contents.network.with_model(spec.model, width=spec.width, depth=spec.depth)
    return write_bundle(
        folder,
        build(spec, contents.shape, contents.statistics.shot_scale),
        spec=spec,
        shape=contents.shape,
        statistics=contents.statistics,
        target=contents.target,
        data_recipe=contents.data,
        scores={},
        name=folder.name,
    )


def compare_bundles(folders: Mapping[str, Path], *, rounds: int, threads: Sequence[int] = (1, 2)) -> list[Row]:
    """One row per bundle; all map the same survey.

    `latency_ms_1`, `latency_ms_2`: of one model on that many threads, median over the rounds, with `_std` and
    `_each`; `models_per_s`: batches of 8, all threads; `memory_mb`: peak of a process that images such a batch.
    """
    rows: list[Row] = []
    for name, folder in folders.items():
        network = load_bundle(folder).network
        row: Row = {"model": name, "parameters": count_parameters(network), "nonzero": nonzero_parameters(network)}
        rows.append(row | {"memory_mb": peak_memory_mb(folder)})
    measures = [(f"latency_ms_{count}", count, 1) for count in threads] + [("batch_ms", max(threads), BATCH)]
    imagers = {(name, count): Imager(folder, count) for name, folder in folders.items() for count in threads}
    each: dict[tuple[str, str], list[float]] = {}
    for _ in track(range(rounds), "rounds", console=Console(stderr=True), disable=not _terminal()):
        for measure, count, batch in measures:
            for name in folders:
                each.setdefault((name, measure), []).append(batch_ms(imagers[name, count], batch, CALLS))
    for row in rows:
        for measure, _, _ in measures[:-1]:
            values = each[row["model"], measure]
            row |= {measure: median(values), f"{measure}_std": _spread(values), f"{measure}_each": values}
        row["models_per_s"] = 1e3 * BATCH / median(each[row["model"], "batch_ms"])
    return rows


def peak_memory_mb(folder: Path) -> float:
    """Of a fresh process that loads a bundle and images a batch (Linux)."""
    command = [sys.executable, "-c", MEMORY, str(folder), str(BATCH)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout)) / 1024


def _spread(values: Sequence[float]) -> float:
    return stdev(values) if len(values) > 1 else 0.0


def _terminal() -> bool:
    return sys.stderr.isatty()
