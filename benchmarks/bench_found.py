"""What the cells of search.json are worth, trained in full as the comparison trains its own: scores on the test split.

    python benchmarks/bench_found.py --strategy "darts, stop at skips" [--seeds 3]

bench_search.py scores cells after a short training on the validation split; this shows whether that was right.
"""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Annotated

import typer
from lib.record import RESULTS, Record

from search_spaces.genotype import Genotype
from trials.results.compare import Comparison, train_and_test
from trials.running.run_folder import RunFolder
from trials.settings.config import load
from trials.training.networks import with_genotype


def main(
    strategy: Annotated[list[str], typer.Option(help="Rows of search.json; repeatable.")],
    preset: Annotated[Path, typer.Option()] = Path("presets/openfwi.yml"),
    seeds: Annotated[int, typer.Option(help="Trainings of each genotype.")] = 3,
) -> None:
    base = load(preset)
    rate = Comparison(base).learning_rate("nasunet")
    base = replace(base, training=replace(base.training, patience=0), tune=replace(base.tune, learning_rate=rate))
    split = base.data.split
    record = Record(
        "found",
        "Searched cells, trained in full",
        f"python benchmarks/bench_found.py --preset {preset} --seeds {seeds}",
        split="test",
        data=f"{split.train} / {split.validation} / {split.test} models, {base.target}, {base.tune.epochs} epochs",
    )
    searched = {row["strategy"]: row for row in json.loads((RESULTS / "search.json").read_text())["rows"]}
    for name in strategy:
        genotype = Genotype.from_json(searched[name]["genotypes"][0])
        cells = genotype.to_json()
        if record.has(cells=cells, seeds=seeds):
            continue
        folder = Path("runs") / base.name / "found" / hashlib.sha256(cells.encode()).hexdigest()[:8]
        runs = [
            train_and_test(replace(with_genotype(base, genotype), seed=seed), RunFolder(folder / f"seed{seed}"))
            for seed in range(1, 1 + seeds)
        ]
        ssim = [(run.scores("test") or {})["ssim"] for run in runs]
        row = {"strategy": name, "parameters": int(runs[0].result["parameters"]), "seeds": seeds, "split": "test"}
        row |= {"ssim_mean": fmean(ssim), "ssim_std": stdev(ssim) if len(ssim) > 1 else None, "ssim_each": ssim}
        record.add(row | {"short_ssim": searched[name]["ssim"], "cells": cells})


if __name__ == "__main__":
    typer.run(main)
