"""How well do cheap scores rank cells?  Random cells of one size, each trained in full once, with scores on the way.

    python benchmarks/bench_ranking.py --cells 16 --samples 12000

Cells are drawn from the search space of the preset and brought to `network.max_parameters`; each trains in the network
that migrates, as bench_imaging.py does.  While the rate is flat, after each thousand samples, two cheap scores are
noted: SSIM on the validation split, and the mean training loss of the last thousand (Ru et al. 2021).  How they rank
the cells is compared with the SSIM after the whole training: Kendall's τ, with the 95 % interval of a bootstrap over
the cells.  Two scores that cost nothing stand beside: parameters and operations.

    results/cells.json, .md      a row for each cell
    results/ranking.json, .md    a row for each cheap score
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from bench_imaging import NETWORKS, OPENFWI, WORK, Course, Lesson, examine, load_config, make_network
from lib.grounds import Ground, lay_grounds, own_data
from lib.record import Record, Row
from scipy.stats import kendalltau
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from search_spaces import size
from search_spaces.build import build, cell_fronts, count_parameters
from search_spaces.config import Network
from search_spaces.genotype import Genotype
from search_spaces.shape import Shape

EVERY = 1000  # samples between two cheap scores
DRAWS = 2000  # of the bootstrap
FULL = "rtm_ssim"  # the score that counts, on the validation split


def main(
    cells: Annotated[int, typer.Option(min=4)] = 16,
    samples: Annotated[int, typer.Option(help="Of each training.")] = 12_000,
    models: Annotated[int, typer.Option(help="Different ones among them.")] = 15_000,
    preset: Annotated[Path, typer.Option()] = OPENFWI,
    work: Annotated[Path, typer.Option(help="Of bench_imaging.py, whose kept features are used.")] = WORK,
) -> None:
    torch.set_num_threads(1)
    command = f"python benchmarks/bench_ranking.py --cells {cells} --samples {samples}"
    record = Record("cells", "Random cells of one size, trained in full", command, split="validation and test")
    config = load_config(preset)
    shape, scale = Shape.of(config.data), own_data(preset, work).statistics.shot_scale
    (ground,) = lay_grounds(make_network("small", config, preset, work), [preset], models, work)
    for number in range(cells):
        network = drawn(config.network, number, shape, scale)
        if not record.has(cell=number, samples=samples):
            lesson = Lesson(network="small", optimizer="muon", samples=samples, models=models, seed=1)
            file = work / f"cell_{number}_{samples}.safetensors"
            record.add({"cell": number, "samples": samples} | trained(network, config, lesson, ground, file))
    rows = [row for row in record.rows if row["samples"] == samples][:cells]
    ranking = Record("ranking", "How well cheap scores rank cells", command, split="validation")
    ranking.rows = []
    for name, values in cheap_scores(rows).items():
        ranking.add({"score": name, "cells": len(rows)} | rank([row[FULL] for row in rows], values))


def drawn(space: Network, number: int, shape: Shape, scale: float) -> Network:
    """The small network with cells from the space of the preset, as large as that allows."""
    network = NETWORKS["small"]
    return replace(network, genotype=size.drawn(space, number, cell_fronts(network, shape, scale)))


def trained(network: Network, config: Any, lesson: Lesson, ground: Ground, file: Path) -> Row:
    shape = Shape.of(config.data)
    torch.manual_seed(lesson.seed)
    net = build(network, shape, 1.0)
    course = Course(net, lesson, config, ground.training, ground.validation, file, between=EVERY)
    course.run()
    assert network.genotype is not None
    return row_of(network.genotype, course, ground)


def row_of(cells: Genotype, course: Course, ground: Ground) -> Row:
    """What a finished training is worth."""
    found, test = examine(course.average, ground.validation), examine(course.average, ground.test)
    return {
        "cells": cells.to_json(),
        "parameters": count_parameters(course.net),
        "GFLOP": operations(course.net, ground) / 1e9,
        "core_minutes": course.seconds / 60,
        **{name: found[name] for name in ("rtm_ssim", "rtm_correlation", "velocity_ssim", "rtm_blank_ssim")},
        **{f"test_{name}": test[name] for name in ("rtm_ssim", "velocity_ssim")},
        "curve": [{name: point[name] for name in ("samples_seen", "loss", FULL)} for point in course.curve],
    }


def operations(net: nn.Module, ground: Ground) -> int:
    """Of a forward pass of one sample."""
    level_BSNG, stacks_BCZX, _ = ground.validation.batch(np.arange(1))
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        net.eval().from_features(level_BSNG, stacks_BCZX)
    return counter.get_total_flops()


def cheap_scores(rows: Sequence[Row]) -> dict[str, list[float]]:
    """Name → a value for each cell, the higher the better."""
    scores = {
        "parameters": [row["parameters"] for row in rows],
        "operations": [row["GFLOP"] for row in rows],
    }
    for place, point in enumerate(rows[0]["curve"][:-1]):
        seen = f"after {EVERY * round(point['samples_seen'] / EVERY):,} samples"
        scores[f"validation SSIM {seen}"] = [row["curve"][place][FULL] for row in rows]
        scores[f"training loss {seen}"] = [-row["curve"][place]["loss"] for row in rows]
    return scores


def tau(full: Sequence[float], cheap: Sequence[float]) -> float:
    """Kendall's."""
    return round(float(kendalltau(full, cheap).statistic), 3)


def rank(full: Sequence[float], cheap: Sequence[float]) -> Row:
    """Kendall's τ, its interval, and what the cell that is ahead in `cheap` has in `full`."""
    a, b = np.array(full), np.array(cheap)
    rng = np.random.default_rng(0)
    draws = [rng.integers(0, len(a), len(a)) for _ in range(DRAWS)]
    spread = [kendalltau(a[draw], b[draw]).statistic for draw in draws]
    low, high = np.nanquantile(spread, (0.025, 0.975))
    return {
        "tau": tau(full, cheap),
        "tau_low": round(float(low), 3),
        "tau_high": round(float(high), 3),
        "full_score_of_its_best": round(float(a[b.argmax()]), 4),
        "full_score_best": round(float(a.max()), 4),
        "full_score_median": round(float(np.median(a)), 4),
    }


if __name__ == "__main__":
    typer.run(main)
