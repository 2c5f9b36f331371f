"""A step uphill from known cells: all that differ from them in one choice, of the same size, and the best of these.

    python benchmarks/bench_climb.py --work runs/imaging

    neighbours ─ 2,000 samples ─► an eighth, of the lowest training loss ─ to 4,000 ─► two ─ to the end

The known cells are those of the best network (bench_imaging.py), trained alike beside them.  Every training has the
whole length's schedule, and goes on from where it waited.  Local search is a strong control in small spaces (White et
al. 2021); `core_minutes` say what it costs.  Choices see the training loss alone.

    results/climb.json, .md      a row for each cell: how far it came, and the test split where it came to the end
"""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from statistics import fmean
from typing import Annotated

import torch
import typer
from bench_imaging import NETWORKS, OPENFWI, WORK, Course, Lesson, examine, load_config, make_network
from bench_ranking import EVERY
from lib.grounds import lay_grounds, own_data
from lib.record import Record, Row

from search_spaces import size
from search_spaces.build import build, cell_fronts, count_parameters
from search_spaces.genotype import Genotype, neighbours
from search_spaces.shape import Shape

RUNGS = (2000, 4000)  # samples
EIGHTH, LAST = 8, 2
KNOWN = "as known"


def main(
    samples: Annotated[int, typer.Option(help="Of a whole training.")] = 12_000,
    models: Annotated[int, typer.Option(help="Different ones among them.")] = 15_000,
    preset: Annotated[Path, typer.Option()] = OPENFWI,
    work: Annotated[Path, typer.Option(help="Of bench_imaging.py, whose kept features are used.")] = WORK,
) -> None:
    torch.set_num_threads(1)
    record = Record(
        "climb", "Neighbours of the best network's cells", f"python benchmarks/bench_climb.py --samples {samples}"
    )
    config, small = load_config(preset), NETWORKS["small"]
    shape, scale = Shape.of(config.data), own_data(preset, work).statistics.shot_scale
    (ground,) = lay_grounds(make_network("small", config, preset, work), [preset], models, work)
    fronts = cell_fronts(small, shape, scale)

    def come(name: str, cells: Genotype, until: int) -> Row:
        """The row of a training after so many samples."""
        if record.has(change=name, samples=until):
            return next(row for row in record.rows if row["change"] == name and row["samples"] == until)
        lesson = Lesson(network="small", optimizer="muon", samples=samples, models=models, seed=1)
        torch.manual_seed(lesson.seed)
        net = build(replace(small, genotype=cells), shape, 1.0)
        file = work / f"climb_{sha256(cells.to_json().encode()).hexdigest()[:8]}_{samples}.safetensors"
        course = Course(net, lesson, config, ground.training, ground.validation, file, between=EVERY)
        course.run(until)
        row = {"change": name, "samples": until, "cells": cells.to_json(), "parameters": count_parameters(net)}
        row |= {"core_minutes": course.seconds / 60, "loss": course.curve[-1]["loss"]}
        row |= {"validation_rtm_ssim": course.curve[-1]["rtm_ssim"]}
        if until == samples:
            test = examine(course.average, ground.test)
            row |= {f"test_{key}": test[key] for key in ("rtm_ssim", "rtm_correlation", "velocity_ssim")}
        record.add(row)
        return row

    known = small.genotype
    assert known is not None
    alive = {
        change(known, each): size.widest(each, fronts, config.network.max_parameters)
        for each in neighbours(known, config.network.operations)
    }
    for until, kept in zip((*RUNGS, samples), (len(alive) // EIGHTH + 1, LAST, LAST), strict=True):
        come(KNOWN, known, until)
        losses = {name: come(name, cells, until)["loss"] for name, cells in alive.items()}
        print(f"{until} samples: {len(alive)} cells, mean loss {fmean(losses.values()):.4f}", flush=True)
        alive = {name: alive[name] for name in sorted(losses, key=lambda name: losses[name])[:kept]}


def change(known: Genotype, other: Genotype) -> str:
    own, others = known.to_sample(), other.to_sample()
    (label,) = (label for label in own if own[label] != others[label])
    return f"{label}: {own[label]} → {others[label]}"


if __name__ == "__main__":
    typer.run(main)
