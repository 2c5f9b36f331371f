"""Samples a second into the training loop: our shards and loader beside a loop over arrays in memory.

memory       float32 tensors of the whole split, batches by index: what a notebook would do
warm, cold   ShardDataset and loader; the shards in the page cache, or dropped from it before each round
effects      warm, with all of datagen.effects switched on
workers      warm, batches made by two processes beside the loop

Every batch is summed, so that each value is touched.  Readers take turns, forwards and backwards.  Shards are random
numbers in a temporary folder: reading does not depend on what they show.
"""

import json
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
import torch
import typer
from lib.record import made_by
from numpy.typing import NDArray
from rich.console import Console
from torch.utils.data import DataLoader

from datagen.config import Data, Effects
from datagen.dataset import Batch, ShardDataset, loader
from datagen.generate import generate
from trials.settings.config import load

ROOT = Path(__file__).resolve().parents[1]
BATCH = 8
FIELD = Effects(snr_db=(0.0, 20.0), dead_traces=(0.0, 0.1), receiver_jitter=0.004, missing_shots=(0, 2))

Reader = Callable[[], Iterable[Batch]]  # an epoch


class NoiseEngine:
    """Random numbers in place of the wave equation."""

    def __init__(self, data: Data) -> None:
        self.data, self.rng = data, np.random.default_rng(0)

    def shoot_and_migrate(self, velocity_MZX: NDArray[np.float32]) -> tuple[NDArray[Any], NDArray[Any]]:
        survey = self.data.survey
        shape = (len(velocity_MZX), survey.shots, survey.samples, survey.receivers)
        return self.rng.standard_normal(shape, np.float32), self.rng.standard_normal(velocity_MZX.shape, np.float32)


def readers(data: Data) -> dict[str, Reader]:
    """What is compared on warm shards."""
    shards = ShardDataset(data.folder, "train")
    disturbed = ShardDataset(data.folder, "train", effects=FIELD)
    shots_MSTR, target_M1ZX = shards.__getitems__(range(len(shards)))

    def memory() -> Iterable[Batch]:
        for indices in torch.randperm(len(shards)).split(BATCH):
            yield shots_MSTR[indices], target_M1ZX[indices]

    return {
        "memory": memory,
        "warm": lambda: loader(shards, BATCH, shuffle=True),
        "effects": lambda: loader(disturbed, BATCH, shuffle=True),
        "workers": lambda: DataLoader(shards, BATCH, shuffle=True, collate_fn=as_it_is, num_workers=2),
    }


def as_it_is(batch: Any) -> Any:
    return batch


def cold(data: Data) -> Iterable[Batch]:
    """Batches of shards that the system has been asked to forget; nothing may have them mapped."""
    for file in Path(data.folder).glob("*.npy"):
        descriptor = os.open(file, os.O_RDONLY)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)
    return loader(ShardDataset(data.folder, "train"), BATCH, shuffle=True)


def samples_per_s(batches: Iterable[Batch]) -> float:
    samples, start = 0, time.perf_counter()
    for shots_BSTR, target_B1ZX in batches:
        float(shots_BSTR.sum() + target_B1ZX.sum())
        samples += len(shots_BSTR)
    return samples / (time.perf_counter() - start)


def measure(data: Data, rounds: int) -> dict[str, list[float]]:
    """Rates of an epoch by reader, round by round; the first round, which warms up, is not counted."""
    rates = {"cold": [samples_per_s(cold(data)) for _ in range(rounds)]}
    warm = readers(data)
    for turn in range(rounds + 1):
        for name in list(warm)[:: 1 if turn % 2 else -1]:
            rate = samples_per_s(warm[name]())
            rates.setdefault(name, []).extend([rate] if turn else [])
    return rates


def make_row(preset: str, dtype: str, reader: str, rates: list[float]) -> dict[str, Any]:
    row: dict[str, Any] = {"preset": preset, "dtype": dtype, "reader": reader}
    return row | {"samples_per_s_median": float(np.median(rates)), "min": min(rates), "max": max(rates)}


def page(record: dict[str, Any]) -> str:
    """The rows as Markdown."""
    text = "# Reading into the training loop\n\n"
    text += "".join(f"- {key}: `{value}`\n" for key, value in record.items() if key != "rows")
    text += NOTES + "\n| preset | stored as | reader | samples/s | slowest | fastest |\n" + "|---" * 6 + "|\n"
    for row in record["rows"]:
        rates = " | ".join(f"{row[key]:.0f}" for key in ("samples_per_s_median", "min", "max"))
        text += f"| {row['preset']} | {row['dtype']} | {row['reader']} | {rates} |\n"
    return text


NOTES = f"""
Medians over epochs of batches of {BATCH}, every value summed; no network.  memory: a loop over float32 tensors that
hold the whole split.  warm, cold: shards in the page cache, and dropped from it.  effects: warm, with noise, dead
traces, receiver jitter and missing shots.  workers: warm, by two processes of torch's loader.
"""


def save(record: dict[str, Any], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "reading.json").write_text(json.dumps(record, indent=1) + "\n")
    (folder / "reading.md").write_text(page(record))


def main(
    quick: Annotated[bool, typer.Option(help="A try: quickstart, 64 models, three rounds.")] = False,
    rounds: Annotated[int, typer.Option(min=1, help="Epochs of each reader.")] = 9,
    models: Annotated[int, typer.Option(min=8, help="Of the training split.")] = 256,
    output: Annotated[Path | None, typer.Option(help="Folder of the results; benchmarks/results if not quick.")] = None,
    scratch: Annotated[Path | None, typer.Option(help="Where the shards are made; the system's own if none.")] = None,
) -> None:
    """Measures how fast samples are read."""
    torch.set_num_threads(1)
    folder = output or ROOT / ("build/tries" if quick else "benchmarks/results")
    rounds, models = (3, 64) if quick else (rounds, models)
    record = made_by(threads=1, rows=[])
    for preset, dtype in product(["quickstart"] if quick else ["quickstart", "openfwi"], ["float32", "float16"]):
        with TemporaryDirectory(dir=scratch) as made_in:
            data = load(ROOT / "presets" / f"{preset}.yml").data
            split = replace(data.split, train=models, validation=8, test=8)
            data = replace(data, folder=made_in, dtype=dtype, split=split)
            generate(data, workers=1, progress=False, engine=NoiseEngine)
            for reader, rates in measure(data, rounds).items():
                record["rows"].append(make_row(preset, dtype, reader, rates))
                Console().log(record["rows"][-1])
            save(record, folder)


if __name__ == "__main__":
    typer.run(main)
