"""The best SSIM at 0.1, 0.2, 0.4 and 0.7 M parameters: a search under each limit, then trainings of what it found.

    python benchmarks/bench_size_curve.py [--preset presets/openfwi.yml] [--seeds 2]

Each limit has the width at which a network of about that size can be found; everything else is the preset's.
"""

from pathlib import Path
from statistics import fmean, stdev
from typing import Annotated

import typer
from record import Record

from trials.config import load
from trials.results.compare import Comparison, compare

WIDTHS = {100_000: 12, 200_000: 20, 400_000: 28, 700_000: 36}  # limit of the parameters → width


def main(
    preset: Annotated[Path, typer.Option()] = Path("presets/openfwi.yml"),
    seeds: Annotated[int, typer.Option(help="Trainings of each network.")] = 2,
    rate: Annotated[float, typer.Option(help="Learning rate: the one that the comparison's sweep chose.")] = 0.01,
) -> None:
    base = load(preset)
    split = base.data.split
    record = Record(
        "size_curve",
        "SSIM against size",
        f"python benchmarks/bench_size_curve.py --preset {preset} --seeds {seeds} --rate {rate:g}",
        split="test",
        data=f"{split.train} / {split.validation} / {split.test} models, {base.target}, {base.tune.epochs} epochs",
    )
    for limit, width in WIDTHS.items():
        if record.has(limit=limit):
            continue
        settings = {
            "name": f"{base.name}-{limit}",
            "network.max_parameters": limit,
            "network.width": width,
            "compare.models": ["nasunet"],
            "compare.targets": [base.target],
            "compare.seeds": seeds,
            "compare.learning_rates": [rate],
            "compare.sweep_epochs": 1,
        }
        comparison = Comparison(load(preset, settings))
        compare(comparison, print)
        runs = comparison.trainings(base.target, "nasunet")
        tests = [run.scores("test") or {} for run in runs]
        ssim, mae = ([test[name] for test in tests] for name in ("ssim", "mae"))
        record.add(
            {
                "limit": limit,
                "parameters": int(runs[0].result["parameters"]),
                "ssim_mean": fmean(ssim),
                "ssim_std": stdev(ssim) if len(ssim) > 1 else None,
                "ssim_each": ssim,
                "mae_mean": fmean(mae),
                "seeds": len(runs),
                "split": "test",
                "genotype": comparison.found("nasunet").result["genotype"],
            }
        )


if __name__ == "__main__":
    typer.run(main)
