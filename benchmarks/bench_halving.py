"""Halving among the widest of many random cells, trained for real: at one size, wide cells learn more.

    python benchmarks/bench_halving.py --work runs/imaging --seeds 1,2,3,4,5

    64 random cells ─ the widest ─► 16 ─ 1,000 samples ─► 8 ─ to 2,000 ─► 4 ─ to 4,000 ─► 2 ─ to 8,000 ─► 1, to the end

The rest as bench_climb.py; drawing costs no training.  bench_search.py sets it beside the other strategies:

    results/found.json, .md      a row for each seed
"""

import time
from pathlib import Path
from typing import Annotated

import torch
import typer
from bench_climb import Trainings, losses_after, trainings_of
from bench_imaging import OPENFWI, WORK
from bench_ranking import row_of
from bench_search import CANDIDATES, RUNGS
from lib.record import Record, Row

from search_spaces.genotype import skip_share
from search_spaces.size import widest_drawn

DRAWN = 4  # cells for each that begins


def main(
    seeds: Annotated[str, typer.Option(help="With commas between.")] = "1,2,3,4,5",
    samples: Annotated[int, typer.Option(help="Of a whole training.")] = 12_000,
    models: Annotated[int, typer.Option(help="Different ones among them.")] = 15_000,
    preset: Annotated[Path, typer.Option()] = OPENFWI,
    work: Annotated[Path, typer.Option(help="Of bench_imaging.py, whose kept features are used.")] = WORK,
) -> None:
    torch.set_num_threads(1)
    trainings = trainings_of(preset, samples, models, work)
    found = Record("found", "Cells that searches found, trained in full", "python benchmarks/bench_search.py --seeds 5")
    for seed in map(int, seeds.split(",")):
        if not found.has(strategy="halving of the widest", seed=seed, samples=samples):
            row: Row = {"strategy": "halving of the widest", "seed": seed, "samples": samples}
            found.add(row | halved(trainings, seed))


def halved(trainings: Trainings, seed: int) -> Row:
    """What it finds, trained to the end, and the seconds of a core that the draws and all other cells took."""
    begun = time.process_time()
    first = widest_drawn(trainings.config.network, seed, trainings.fronts, draws=DRAWN, kept=CANDIDATES)
    seconds = time.process_time() - begun
    alive, reached = list(first), dict.fromkeys(first, 0)
    for rung in RUNGS:
        reached |= dict.fromkeys(alive, rung)
        alive = sorted(alive, key=losses_after(trainings, rung))[: max(1, len(alive) // 2)]
    (leader,) = alive
    losers = [cells for cells in first if cells != leader]
    seconds += sum(60 * trainings.come(each, 0).curve[reached[each] - 1]["core_minutes"] for each in losers)
    course = trainings.come(leader, trainings.lesson.samples)
    return {"cost_core_seconds": round(seconds), "skip_share": skip_share(leader)} | row_of(
        leader, course, trainings.ground
    )


if __name__ == "__main__":
    typer.run(main)
