"""Uphill from cell to cell: next is tried what differs in one choice from the best so far, and has the same size.

    python benchmarks/bench_climb.py --work runs/imaging                 from the best network's cells
    python benchmarks/bench_climb.py --work runs/imaging --seeds 1,2     from random cells, at the cost of halving

    known cells      all neighbours ─ 2,000 samples ─► an eighth ─ to 4,000 ─► two ─ to the end
    random cells     six ─ 1,000 ─► two ─ to 2,000 ─► one; five of its neighbours and four of the leader's ─ 2,000 each;
                     the leader to the end

Leaders have the lowest training loss.  Every training has the whole length's schedule, and goes on from where it
waited.  Local search is a strong control in small spaces (White et al. 2021).

    results/climb.json, .md      a row for each neighbour of known cells: how far it came, and the test split at the end
    results/found.json, .md      a row for each climb from random cells, for bench_search.py
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from bench_imaging import NETWORKS, OPENFWI, WORK, Config, Course, Lesson, examine, load_config, make_network
from bench_ranking import EVERY, row_of
from lib.grounds import Ground, lay_grounds, own_data
from lib.record import Record, Row

from search_spaces import size
from search_spaces.build import build, cell_fronts, count_parameters
from search_spaces.cells.operation_sets import OperationSet
from search_spaces.genotype import Genotype, candidates, has_weights, skip_share
from search_spaces.networks.contract import Features
from search_spaces.shape import Shape

RUNGS = (2, 4)  # times EVERY samples, of the neighbours of known cells
EIGHTH, LAST = 8, 2
FIRST, SECOND = 6, 2  # random cells after 1,000 samples and after 2,000
TRIES = (5, 4)  # neighbours of the leader, and of the next one
KNOWN = "as known"


@dataclass(frozen=True, kw_only=True)
class Trainings:
    """Of cells in the network that migrates; each goes on from its file."""

    config: Config
    ground: Ground
    fronts: list[Features]
    lesson: Lesson
    work: Path

    def come(self, cells: Genotype, until: int) -> Course:
        """A training after so many samples, or more if it has been further."""
        torch.manual_seed(self.lesson.seed)
        net = build(replace(NETWORKS["small"], genotype=cells), Shape.of(self.config.data), 1.0)
        file = self.work / f"climb_{sha256(cells.to_json().encode()).hexdigest()[:8]}_{self.lesson.samples}.safetensors"
        training, validation = self.ground.training, self.ground.validation
        course = Course(net, self.lesson, self.config, training, validation, file, between=EVERY)
        course.run(until)
        return course

    def near(self, cells: Genotype) -> list[Genotype]:
        space = self.config.network
        return [size.widest(each, self.fronts, space.max_parameters) for each in neighbours(cells, space.operations)]


def main(
    samples: Annotated[int, typer.Option(help="Of a whole training.")] = 12_000,
    models: Annotated[int, typer.Option(help="Different ones among them.")] = 15_000,
    seeds: Annotated[str, typer.Option(help="Of climbs from random cells, with commas between.")] = "",
    preset: Annotated[Path, typer.Option()] = OPENFWI,
    work: Annotated[Path, typer.Option(help="Of bench_imaging.py, whose kept features are used.")] = WORK,
) -> None:
    torch.set_num_threads(1)
    trainings = trainings_of(preset, samples, models, work)
    if not seeds:
        known = NETWORKS["small"].genotype
        assert known is not None
        around(trainings, known)
    found = Record("found", "Cells that searches found, trained in full", "python benchmarks/bench_search.py --seeds 5")
    for seed in map(int, filter(None, seeds.split(","))):
        if not found.has(strategy="climb", seed=seed, samples=samples):
            found.add({"strategy": "climb", "seed": seed, "samples": samples} | climbed(trainings, seed))


def trainings_of(preset: Path, samples: int, models: int, work: Path) -> Trainings:
    config, small = load_config(preset), NETWORKS["small"]
    shape, scale = Shape.of(config.data), own_data(preset, work).statistics.shot_scale
    (ground,) = lay_grounds(make_network("small", config, preset, work), [preset], models, work)
    return Trainings(
        config=config,
        ground=ground,
        fronts=list(cell_fronts(small, shape, scale)),
        lesson=Lesson(network="small", optimizer="muon", samples=samples, models=models, seed=1),
        work=work,
    )


def around(trainings: Trainings, known: Genotype) -> None:
    """All neighbours of known cells, the better ones further."""
    samples, ground = trainings.lesson.samples, trainings.ground
    command = f"python benchmarks/bench_climb.py --samples {samples}"
    record = Record("climb", "Neighbours of the best network's cells", command, split="test; choices by training loss")

    def loss(name: str, cells: Genotype, until: int) -> float:
        if not record.has(change=name, samples=until):
            course = trainings.come(cells, until)
            row: Row = {"change": name, "samples": until, "cells": cells.to_json()}
            row |= {"parameters": count_parameters(course.net)}
            row |= {"core_minutes": course.seconds / 60, "loss": course.curve[-1]["loss"]}
            row |= {"validation_rtm_ssim": course.curve[-1]["rtm_ssim"]}
            if until == samples:
                test = examine(course.average, ground.test)
                row |= {f"test_{key}": test[key] for key in ("rtm_ssim", "rtm_correlation", "velocity_ssim")}
            record.add(row)
        return next(float(row["loss"]) for row in record.rows if (row["change"], row["samples"]) == (name, until))

    alive = {change(known, each): each for each in trainings.near(known)}
    rungs = [EVERY * rung for rung in RUNGS]
    for until, kept in zip((*rungs, samples), (len(alive) // EIGHTH + 1, LAST, LAST), strict=True):
        loss(KNOWN, known, until)
        losses = {name: loss(name, cells, until) for name, cells in alive.items()}
        alive = {name: alive[name] for name in sorted(losses, key=lambda name: losses[name])[:kept]}


def climbed(trainings: Trainings, seed: int) -> Row:
    """What a climb from random cells finds, trained to the end, and the seconds of a core that all others took."""
    space, draws = trainings.config.network, np.random.default_rng(seed)
    first = [size.drawn(space, (seed, number), trainings.fronts) for number in range(FIRST)]
    rung = sorted(first, key=losses_after(trainings, 1))[:SECOND]
    after = losses_after(trainings, 2)
    tried = list(dict.fromkeys(rung))
    leader = min(tried, key=after)
    for count in TRIES:
        near = [each for each in trainings.near(leader) if each not in tried]
        tried += [near[place] for place in draws.permutation(len(near))[:count]]
        leader = min(tried, key=after)
    others = [each for each in dict.fromkeys([*first, *tried]) if each != leader]
    seconds = sum(60 * trainings.come(each, 0).curve[each in tried]["core_minutes"] for each in others)
    course = trainings.come(leader, trainings.lesson.samples)
    return {"cost_core_seconds": round(seconds), "skip_share": skip_share(leader)} | row_of(
        leader, course, trainings.ground
    )


def losses_after(trainings: Trainings, rung: int) -> Callable[[Genotype], float]:
    """The training loss of the last EVERY of `rung` times as many samples."""

    def loss(cells: Genotype) -> float:
        return float(trainings.come(cells, rung * EVERY).curve[rung - 1]["loss"])

    return loss


def neighbours(genotype: Genotype, operations: OperationSet) -> list[Genotype]:
    """All that differ in one choice and have weights at every node."""
    sample = genotype.to_sample()
    size = {"depth": genotype.depth, "width": genotype.width, "nodes": genotype.nodes}
    changed = [
        Genotype.from_sample(sample | {label: name}, **size)
        for label in sample
        for name in candidates(label, operations)
        if name != sample[label]
    ]
    return [each for each in changed if has_weights(each)]


def change(known: Genotype, other: Genotype) -> str:
    own, others = known.to_sample(), other.to_sample()
    (label,) = (label for label in own if own[label] != others[label])
    return f"{label}: {own[label]} → {others[label]}"


if __name__ == "__main__":
    typer.run(main)
