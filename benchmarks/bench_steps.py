"""Samples a second of a training step, and how near that comes to what the machine can multiply.

    python benchmarks/bench_steps.py

One step of bench_imaging.py (forward, loss, backward, Muon) on random features, in several ways that take turns in each
round; figures are medians over the rounds.  The limit is a product of large square matrices in the same precision and
with as many threads, in operations a second; a step's own operations are counted by torch.

    results/steps.json, .md
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Annotated
from unittest.mock import patch

import bench_imaging
import torch
import typer
from bench_imaging import NETWORKS, OPENFWI, Course, Lesson, load_config
from lib.record import Record
from rich.progress import track
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from search_spaces.build import build
from search_spaces.networks.migrating import MigratingNetwork
from search_spaces.shape import Shape

SIDE = 2048  # of the matrices


@dataclass(frozen=True)
class Way:
    """In which a step can be made."""

    network: str = "small"
    optimizer: str = "muon"
    batch: int = 16
    bfloat16: bool = True
    threads: int = 1
    kept: bool = True  # what does not depend on the weights is there already


WAYS = (
    Way(),
    Way(bfloat16=False),
    Way(kept=False),
    Way(optimizer="adamw"),
    Way(batch=8),
    Way(batch=32),
    Way(threads=2),
    Way(network="unet"),
    Way(network="unet", bfloat16=False),
)


def main(rounds: int = 5, steps: Annotated[int, typer.Option(help="Of each way in a round.")] = 4) -> None:
    record = Record(
        "steps",
        "Samples a second of a training step",
        "python benchmarks/bench_steps.py",
        limit="of a product of matrices of 2048 x 2048 in the same precision with as many threads",
    )
    record.rows = []
    made = [(way, *make_step(way)) for way in WAYS]
    seconds: dict[Way, list[float]] = {way: [] for way in WAYS}
    for _ in track(range(rounds), "rounds"):
        for way, step, _ in made:
            with running(way):
                step()
                seconds[way].append(timed(step, steps) / way.batch)
    for way, _, operations in made:
        with running(way):
            limit = 2 * SIDE**3 / multiply(way.bfloat16)
        rate = 1 / median(seconds[way])
        record.add(
            vars(way)
            | {
                "samples_per_second": round(rate, 1),
                "least": round(1 / max(seconds[way]), 1),
                "most": round(1 / min(seconds[way]), 1),
                "GFLOP_per_sample": round(operations / 1e9, 3),
                "limit_GFLOP_per_second": round(limit / 1e9),
                "share_of_limit": round(rate * operations / limit, 4),
            }
        )


@contextmanager
def running(way: Way) -> Iterator[None]:
    torch.set_num_threads(way.threads)
    with patch.object(bench_imaging, "fast_in_bfloat16", lambda _: way.bfloat16):
        yield


def make_step(way: Way) -> tuple[Callable[[], None], float]:
    """A training step, and its operations for a sample."""
    config = load_config(OPENFWI)
    shape = Shape.of(config.data)
    torch.manual_seed(1)
    net = build(NETWORKS[way.network], shape, 1.0)
    assert isinstance(net, MigratingNetwork)
    lesson = Lesson(network=way.network, optimizer=way.optimizer, samples=10**9, models=1, seed=1)
    course = Course(net, lesson, config, [], None, Path("nothing of this name"))
    shots_BSTR = torch.randn(way.batch, shape.shots, shape.samples, shape.receivers)
    target_B2ZX = 0.3 * torch.randn(way.batch, 2, shape.nz, shape.nx)

    def features() -> tuple[Tensor, Tensor]:
        level_BSNG = net.front.level(shots_BSTR)
        return level_BSNG, net.front.arrange(level_BSNG)

    there = features()

    def step() -> None:
        level_BSNG, stacks_BCZX = there if way.kept else features()
        course.step((level_BSNG.clone(), stacks_BCZX.clone(), target_B2ZX.clone()))

    with FlopCounterMode(display=False) as counter, running(way):
        step()
    return step, counter.get_total_flops() / way.batch


def timed(step: Callable[[], None], times: int) -> float:
    """Seconds of one."""
    start = time.perf_counter()
    for _ in range(times):
        step()
    return (time.perf_counter() - start) / times


def multiply(bfloat16: bool) -> float:
    """Seconds of a product of two square matrices."""
    a, b = (torch.randn(SIDE, SIDE, dtype=torch.bfloat16 if bfloat16 else torch.float32) for _ in range(2))
    a @ b
    return min(timed(lambda: a @ b, 3) for _ in range(5))


if __name__ == "__main__":
    typer.run(main)
