"""The table of a comparison: one row per model and target, mean and spread over the seeds, on the test split.

compare.json   rows, as in benchmarks/results     compare.md   the same as a page     compare.png   SSIM against size
"""

import json
import os
import platform
import sys
from collections.abc import Sequence
from datetime import date
from functools import cache
from pathlib import Path
from statistics import fmean, stdev
from tempfile import TemporaryDirectory
from typing import Any

import torch
from filelock import FileLock
from matplotlib.figure import Figure
from torch.utils.flop_counter import FlopCounterMode

from compressors.graphs.onnx_graph import export_onnx
from compressors.outputs import OUTPUTS
from compressors.verify import graph_latencies
from datagen.dataset import ShardDataset, loader
from datagen.files.whole_files import whole
from datagen.targets import TargetName
from search_spaces.shape import Shape
from trials.results.compare import Comparison
from trials.running.run_folder import RunFolder
from trials.settings.config import ComparedModel
from trials.training.metrics import scores
from trials.training.networks import statistics, trained

Row = dict[str, Any]
COLUMNS = ("model", "parameters", "MFLOPs", "1 thread", "2 threads", "seeds", "SSIM", "MAE", "PSNR", "learning rate")


def write_table(comparison: Comparison, results: Path) -> None:
    """Writes compare.json, compare.md and compare.png of all trainings so far into `results`."""
    compare = comparison.config.compare
    found = [
        [*(_row(comparison, target, model) for model in compare.models), _zeros(comparison, target)]
        for target in compare.targets
    ]
    rows = [row for rows in found for row in rows if row is not None]
    config = comparison.config
    record = {
        "command": " ".join(["seisnas", *sys.argv[1:]]),
        "commit": next((row["commit"] for row in rows if "commit" in row), None),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}, GPU: {_gpu()}",
        "date": date.today().isoformat(),
        "split": "test",
        "data": f"{config.data.split.train} / {config.data.split.validation} / {config.data.split.test} models "
        f"for training / validation / test, {config.data.grid.nz} × {config.data.grid.nx} cells",
        "budget": f"{config.compare.minutes:g} minutes" if config.compare.minutes else f"{config.tune.epochs} epochs",
        "rows": rows,
    }
    results.mkdir(parents=True, exist_ok=True)
    with FileLock(comparison.folder / ".table.lock"):  # several processes may write at once
        with whole(results / "compare.json") as part:
            part.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        with whole(results / "compare.md") as part:
            part.write_text(_page(record), encoding="utf-8")
        with whole(results / "compare.png") as part:
            _figure(rows).savefig(part, dpi=110, format="png")


def measure_latency(comparison: Comparison) -> None:
    """ONNX Runtime with 1 and 2 threads, all models in turn in one go; saved in each run folder.

    Only one of several comparing processes measures.
    """
    runs = [run for model in comparison.config.compare.models for run in _timed(comparison, model)]
    with FileLock(comparison.folder / ".latency.lock"):
        if all(run.scores("latency") for run in runs):
            return
        for run, times in zip(runs, run_latencies(runs), strict=True):
            run.save_scores("latency", times)


def _timed(comparison: Comparison, model: ComparedModel) -> list[RunFolder]:
    """One training of a model, or none yet; the target only changes the unit of the output."""
    return comparison.trainings(comparison.config.compare.targets[0], model)[:1]


def run_latencies(runs: Sequence[RunFolder]) -> list[dict[str, float]]:
    """`latency_ms_1` and `latency_ms_2`, on 1 and 2 threads, of each run's network; timed in turn."""
    with TemporaryDirectory() as folder:
        graphs = [Path(folder) / f"{number}.onnx" for number in range(len(runs))]
        for run, graph in zip(runs, graphs, strict=True):
            config, shape = run.config, Shape.of(run.config.data)
            deployed = OUTPUTS[config.target].deployed(trained(run), statistics(config), shape)
            export_onnx(deployed, shape, graph)
        pairs = zip(graph_latencies(graphs, 1), graph_latencies(graphs, 2), strict=True)
        return [{"latency_ms_1": one, "latency_ms_2": two} for one, two in pairs]


def _row(comparison: Comparison, target: TargetName, model: ComparedModel) -> Row | None:
    runs = comparison.trainings(target, model)
    if not runs:
        return None
    first = runs[0]
    row: Row = {"target": target, "model": model, "split": "test", "seeds": len(runs)}
    row |= {"parameters": int(first.result["parameters"]), "flops": _flops(first.path)}
    for run in _timed(comparison, model):
        row |= run.scores("latency") or {}
    tests = [run.scores("test") or {} for run in runs]
    for name in ("ssim", "mae", "psnr"):
        values = [test[name] for test in tests]
        row |= {f"{name}_mean": fmean(values), f"{name}_std": stdev(values) if len(values) > 1 else None}
        row[f"{name}_each"] = values
    row["learning_rate"] = first.config.tune.learning_rate
    row["seconds"] = fmean(run.result["seconds"] for run in runs)
    return row | {"commit": first.provenance["commit"]}


def _zeros(comparison: Comparison, target: TargetName) -> Row | None:
    """The score of an image of zeros: a network that has learned nothing."""
    if not any(comparison.trainings(target, model) for model in comparison.config.compare.models):
        return None
    found = _scores_of_zeros(comparison.config.data.folder, target)
    row: Row = {"target": target, "model": "zeros", "split": "test", "seeds": 1, "parameters": 0}
    return row | {f"{name}_mean": found[name] for name in ("ssim", "mae", "psnr")}


@cache
def _scores_of_zeros(folder: str, target: TargetName) -> dict[str, float]:
    batches = loader(ShardDataset(folder, "test", target), batch_size=32)
    rows = [scores(torch.zeros_like(target_B1ZX), target_B1ZX) for _, target_B1ZX in batches]
    return {name: float(torch.cat([row[name] for row in rows]).mean()) for name in rows[0]}


@cache  # the table is written after every run, the network does not change
def _flops(folder: Path) -> int:
    """Floating-point operations of one sample, as torch counts them."""
    run = RunFolder(folder)
    shape = Shape.of(run.config.data)
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        trained(run)(torch.zeros(1, shape.shots, shape.samples, shape.receivers))
    return counter.get_total_flops()


def _gpu() -> str:
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "none"


def _page(record: dict[str, Any]) -> str:
    lines = ["# Networks side by side", ""]
    lines += [f"- {key}: {record[key]}" for key in ("command", "commit", "machine", "date", "data", "budget")]
    lines += [
        "- scores: of the test split, mean ± standard deviation over the seeds",
        "",
        "![SSIM against size](compare.png)",
    ]
    for target in dict.fromkeys(row["target"] for row in record["rows"]):
        lines += ["", f"## {target}", "", f"| {' | '.join(COLUMNS)} |", "|" + "---|" * len(COLUMNS)]
        lines += [_line(row) for row in record["rows"] if row["target"] == target]
    return "\n".join(lines) + "\n"


def _line(row: Row) -> str:
    def spread(name: str, digits: int) -> str:
        deviation = row.get(f"{name}_std")
        return f"{row[f'{name}_mean']:.{digits}f}" + (f" ± {deviation:.{digits}f}" if deviation is not None else "")

    def milliseconds(threads: int) -> str:
        value = row.get(f"latency_ms_{threads}")
        return f"{value:.1f} ms" if value else ""

    cells = [row["model"], f"{row['parameters']:,}", f"{row['flops'] / 1e6:,.0f}" if "flops" in row else ""]
    cells += [
        milliseconds(1),
        milliseconds(2),
        str(row["seeds"]),
        spread("ssim", 4),
        spread("mae", 4),
        spread("psnr", 2),
    ]
    cells.append(f"{row['learning_rate']:g}" if "learning_rate" in row else "")
    return f"| {' | '.join(cells)} |"


def _figure(rows: list[Row]) -> Figure:
    targets = list(dict.fromkeys(row["target"] for row in rows))
    figure = Figure(figsize=(5.5 * max(1, len(targets)), 4.2), layout="constrained")
    for axes, target in zip(figure.subplots(1, max(1, len(targets)), squeeze=False)[0], targets, strict=False):
        for row in (row for row in rows if row["target"] == target and row["parameters"]):
            axes.errorbar(row["parameters"], row["ssim_mean"], yerr=row["ssim_std"] or 0, fmt="o", capsize=3)
            axes.annotate(
                row["model"], (row["parameters"], row["ssim_mean"]), xytext=(5, 5), textcoords="offset points"
            )
        axes.set(xscale="log", xlabel="parameters", ylabel="SSIM, test split", title=target)
        axes.margins(0.3, 0.2)  # room for names on the right
        axes.grid(alpha=0.3)
    return figure
