"""SSIM at 0.1, 0.2, 0.4 and 0.7 M parameters: cells that the comparison found, narrower.

    python benchmarks/bench_size_curve.py [--preset presets/openfwi.yml] [--model nasunet|random_search] [--seeds 2]

Each limit takes the widest network below it, in steps of four channels; everything else is as in the comparison, whose
own trainings are the last row.
"""

from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Annotated

import typer
from lib.record import Record

from search_spaces.build import build, count_parameters
from search_spaces.genotype import Genotype
from trials.results.compare import Comparison, train_and_test
from trials.running.run_folder import RunFolder
from trials.settings.config import ComparedModel, Config, load
from trials.training.networks import geometry, with_genotype

LIMITS = (100_000, 200_000, 400_000, 700_000)  # parameters
STEP = 4  # channels


def main(
    preset: Annotated[Path, typer.Option()] = Path("presets/openfwi.yml"),
    model: Annotated[ComparedModel, typer.Option(help="Whose cells.")] = "nasunet",
    seeds: Annotated[int, typer.Option(help="Trainings of each narrower network.")] = 2,
) -> None:
    base = load(preset)
    comparison = Comparison(base)
    found = Genotype.from_json(comparison.found(model).result["genotype"])
    split = base.data.split
    record = Record(
        "size_curve",
        "SSIM against size",
        f"python benchmarks/bench_size_curve.py --preset {preset} --model {model} --seeds {seeds}",
        split="test",
        data=f"{split.train} / {split.validation} / {split.test} models, {base.target}, {base.tune.epochs} epochs",
    )
    tune = replace(base.tune, learning_rate=comparison.learning_rate(model))
    base = replace(base, training=replace(base.training, patience=0), tune=tune)
    for limit in LIMITS:
        config = widest(base, found, limit)
        width = config.network.width
        if record.has(model=model, limit=limit):
            continue
        if width >= found.width:
            runs = comparison.trainings(base.target, model)
            width = found.width
        else:
            runs = [training(config, model, seed) for seed in range(1, 1 + seeds)]
        tests = [run.scores("test") or {} for run in runs]
        ssim = [test["ssim"] for test in tests]
        row = {"model": model, "limit": limit, "width": width, "parameters": int(runs[0].result["parameters"])}
        row |= {"ssim_mean": fmean(ssim), "ssim_std": stdev(ssim) if len(ssim) > 1 else None, "ssim_each": ssim}
        row |= {"mae_mean": fmean(test["mae"] for test in tests), "seeds": len(runs), "split": "test"}
        record.add(row | {"cells": found.to_json()})


def widest(config: Config, found: Genotype, limit: int) -> Config:
    """With the cells at the largest width within the limit, at most their own."""
    for width in range(found.width, 0, -STEP):
        network = replace(config.network, width=width)
        narrower = with_genotype(replace(config, network=network), replace(found, width=width))
        if count_parameters(build(narrower.network, *geometry(narrower))) <= limit:
            return narrower
    raise ValueError(f"no network of at most {limit} parameters")


def training(config: Config, model: ComparedModel, seed: int) -> RunFolder:
    folder = Path("runs") / config.name / "size_curve" / model / f"width{config.network.width}"
    run = RunFolder(folder / f"seed{seed}")
    return train_and_test(replace(config, seed=seed), run)


if __name__ == "__main__":
    typer.run(main)
