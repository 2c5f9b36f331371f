"""A network that images ten times as fast as the 17 M U-Net, beside it: scores on the test split, and latency.

    python benchmarks/bench_fast.py [--preset presets/openfwi_fast.yml] [--seeds 3]

fast            the preset's cells, on the stack's own grid
others          those of OTHERS that are already in runs/; made by `seisnas compare` with the presets
                openfwi and openfwi_fast, except for the other learning rate

All are trained for the preset's epochs.  Graphs are timed in turn, in one go, on 1 and 2 threads.
"""

from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Annotated

import typer
from lib.record import Record

from trials.results.compare import train_and_test
from trials.results.compare_table import run_latencies
from trials.running.quiet import quiet_libraries
from trials.running.run_folder import RunFolder
from trials.settings.config import load

OTHERS = {
    "light cells, drawn": "runs/openfwi_fast/compare/8epochs/rtm/random_search",
    "U-Net on the same grid": "runs/openfwi_fast/compare/8epochs/rtm/unet",
    "the same, rate 0.001": "runs/openfwi_fast/unet_rate0.001",
    "U-Net": "runs/openfwi/compare/8epochs/rtm/unet",
    "ResUNet34": "runs/openfwi/compare/8epochs/rtm/resunet34",
    "cells by sampling": "runs/openfwi/compare/8epochs/rtm/random_search",
}


def main(
    preset: Annotated[Path, typer.Option()] = Path("presets/openfwi_fast.yml"),
    seeds: Annotated[int, typer.Option(help="Trainings of the preset's network.")] = 3,
) -> None:
    quiet_libraries()
    base = load(preset)
    base = replace(base, training=replace(base.training, patience=0))
    folder = Path("runs") / base.name / "fast"
    runs = {
        "fast": [
            train_and_test(replace(base, seed=seed), RunFolder(folder / f"seed{seed}")) for seed in range(1, 1 + seeds)
        ]
    }
    for name, path in OTHERS.items():
        found = [RunFolder(each) for each in sorted(Path(path).glob("seed*"))]
        done = [run for run in found if run.finished and run.scores("test")]
        if done:
            runs[name] = done
    split = base.data.split
    record = Record(
        "fast",
        "A network ten times as fast",
        f"python benchmarks/bench_fast.py --preset {preset} --seeds {seeds}",
        split="test",
        data=f"{split.train} / {split.validation} / {split.test} models, {base.target}, {base.tune.epochs} epochs",
    )
    record.rows.clear()  # latencies of another go could not be compared
    times = dict(zip(runs, run_latencies([first for first, *_ in runs.values()]), strict=True))
    for name, each in runs.items():
        ssim = [(run.scores("test") or {})["ssim"] for run in each]
        row = {"model": name, "parameters": int(each[0].result["parameters"]), "seeds": len(each), "split": "test"}
        row |= {"ssim_mean": fmean(ssim), "ssim_std": stdev(ssim) if len(ssim) > 1 else None, "ssim_each": ssim}
        ratio = times["U-Net"]["latency_ms_1"] / times[name]["latency_ms_1"]
        record.add(row | times[name] | {"times_faster_than_unet": ratio})


if __name__ == "__main__":
    typer.run(main)
