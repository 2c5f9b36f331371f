"""Error of first-break picks against the number of labelled gathers, for pickers that start from different weights.

classical       STA/LTA with AIC, its settings the best of a grid on the labelled gathers, or the program's own
scratch         network with fresh weights
synthetic       network trained on Devito gathers (`seisnas tune -p presets/field.yml`)
own             that network after `seisnas pick-train` on gathers without labels: it learns from their own onsets

Recorded gathers with picks made by hand, cross-validated over pairs of neighbours: both of a pair are tested, or both
may be trained on.  Without labelled gathers nothing is held out, because nobody's picks are learnt.  `synthetic` and
`own` are trained as `seisnas pick-train` does.  `scratch` chooses its learning rate and number of steps from RECIPES,
by training on as many gathers, a pair at most, and scoring on another pair, neither of them tested in that fold: fresh
weights need more of both.  Each seed has modelled trainings of its own; the spread is over seeds, of the mean over all
tested traces.

    results/first_breaks.json, .md      a row for each start and number of labelled gathers
    results/first_breaks.png            of the picks with a confidence, how many are within 3 ms of the label
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from lib.record import made_by
from lib.reliability_figure import draw_reliability
from rich.console import Console

from datagen.traces.gathers import read_recording
from trials.pick_train import NEAR, Training, from_own_onsets, sampled
from trials.prediction.picking.classical_picker import DEFAULT
from trials.results.pick_errors import Found, classical_finds, joined, network_finds, of_settings
from trials.running.channel import Channel
from trials.running.run_folder import RunFolder
from trials.settings.config import Config, load
from trials.stages.execute import execute
from trials.training.picking.fine_tuning import PAIR, fine_tuning, recipe
from trials.training.picking.pick_scores import HITS

ROOT = Path(__file__).resolve().parents[1]
PRESET = ROOT / "presets/field.yml"
RECIPES = ((5.0e-3, 120), (1.0e-3, 120), (1.0e-3, 40))  # peak of the learning rate, steps
SURE = 0.7  # confidence
Recipe = tuple[float, int]


@dataclass(frozen=True, kw_only=True)
class Bench:
    """The gathers, and where the trainings lie."""

    labelled: Path
    unlabelled: Path | None
    interval: float  # [s]
    runs: Path

    def found(self, init: str, train: list[int], held: list[int], seed: int, recipe: Recipe) -> Found:
        """Errors of the labelled traces held out, after training, unless that was done before."""
        settings = fine_tuning(self.labelled, self.interval, train, held, recipe[1])
        if init == "classical":
            config = load(PRESET, settings)
            return classical_finds(config) if train else of_settings(DEFAULT, config)
        start = start_weights(self, init, seed)
        layers = [settings, {"seed": seed, "tune.learning_rate": recipe[0]}]
        config = load(PRESET, *layers, {"picking.start": str(start)} if start else {})
        if not train and start is not None:
            return network_finds(config, RunFolder(start.parent))
        name = f"{init}-{len(train)}-{seed}-{'_'.join(map(str, train))}-{held[0]}-{recipe[0]:g}-{recipe[1]}"
        return network_found(config, RunFolder(self.runs / name))

    def recipe(self, init: str, gathers: int, count: int) -> Recipe:
        """That of `seisnas pick-train`; of fresh weights the best of RECIPES.

        It is chosen after training on `count` gathers, a pair at most, for a pair that is not tested.
        """
        if init != "scratch":
            return recipe(count)
        few = min(count, PAIR)
        inner = [(train[:few], train[PAIR : 2 * PAIR]) for train, _ in make_folds(gathers, 2 * PAIR, seed=0)]
        means = {
            recipe: joined([self.found(init, train, held, 0, recipe) for train, held in inner]).figures()["mae_ms"]
            for recipe in RECIPES
        }
        Console().log(init, means)
        return min(means, key=lambda recipe: means[recipe])


@cache
def start_weights(bench: Bench, init: str, seed: int) -> Path | None:
    """What a training starts from, made if it is missing."""
    if init == "scratch":
        return None
    config = load(PRESET, {"seed": seed})
    base = RunFolder(bench.runs / f"base-{seed}")
    if not base.finished:
        execute("tune", config, base, Channel())
    weights = base.path / "weights.safetensors"
    if init == "synthetic":
        return weights
    if bench.unlabelled is None:
        raise typer.BadParameter("own needs --unlabelled")
    gathers = sampled(read_recording(bench.unlabelled), bench.interval, config.data.survey)
    training = Training(preset=PRESET, changes={"seed": seed}, folder=bench.runs / f"own-{seed}")
    return from_own_onsets(training, gathers, weights, Console().log).path / "weights.safetensors"


def make_folds(gathers: int, labelled: int, seed: int) -> list[tuple[list[int], list[int]]]:
    """(train, held) of each pair held out; the labelled gathers are drawn from the others, as few pairs as can be."""
    folds = []
    for first in range(0, gathers, PAIR):
        held = list(range(first, first + PAIR))
        others = [start for start in range(0, gathers, PAIR) if start != first]
        order = np.random.default_rng([seed, first]).permutation(others)
        train = [int(start) + step for start in order for step in range(PAIR)][:labelled]
        folds.append((train, held))
    return folds


def network_found(config: Config, run: RunFolder) -> Found:
    if not run.finished:
        execute("tune", config, run, Channel())
    return network_finds(config, run)


def make_row(init: str, labelled: int, by_seed: list[Found]) -> dict[str, Any]:
    means = [found.figures()["mae_ms"] for found in by_seed]
    together = joined(by_seed)
    size_N, sure_N = np.abs(together.error_N), together.confidence_N >= SURE
    row: dict[str, Any] = {"init": init, "labelled": labelled, "seeds": len(means), "split": "test"}
    row |= {"mae_ms_mean": float(np.mean(means)), "mae_ms_std": float(np.std(means, ddof=1)) if len(means) > 1 else 0.0}
    row |= {name: value for name, value in together.figures().items() if name != "mae_ms"}
    row |= {"traces": len(size_N), "sure": float(sure_N.mean()), "sure_near": float((size_N[sure_N] <= NEAR).mean())}
    return row | {f"hit_{reach}": float((size_N <= 1e3 * together.interval * (reach + 0.01)).mean()) for reach in HITS}


def page(record: dict[str, Any]) -> str:
    text = "# First breaks against the number of labelled gathers\n\n"
    text += "".join(f"- {key}: `{value}`\n" for key, value in record.items() if key != "rows")
    text += (
        "\nErrors in ms on labelled gathers that were not learnt; ± over seeds.  bias: median of pick − label.  "
        "tail: more than 15 samples off.  hit k: within k samples.  "
        f"sure: confidence of {SURE} or more, and how many of these are within {NEAR:g} ms.\n\n"
        "![Confidence against hits](first_breaks.png)\n\n"
        "| start | labelled | mean error | median | bias | tail | sure | of these near | "
        + " | ".join(f"hit {reach}" for reach in HITS)
        + " |\n"
    )
    text += "|---" * (8 + len(HITS)) + "|\n"
    for row in record["rows"]:
        spread = f" ± {row['mae_ms_std']:.2f}" if row["seeds"] > 1 else ""
        cells = [row["init"], row["labelled"], f"{row['mae_ms_mean']:.2f}{spread}", f"{row['median_ms']:.2f}"]
        cells += [f"{row['bias_ms']:+.2f}", f"{row['tail']:.0%}"]
        cells += ["", ""] if row["init"] == "classical" else [f"{row['sure']:.0%}", f"{row['sure_near']:.0%}"]
        cells += [f"{row[f'hit_{reach}']:.0%}" for reach in HITS]
        text += "| " + " | ".join(map(str, cells)) + " |\n"
    return text


def main(
    labelled: Annotated[Path, typer.Argument(help=".npz of gathers and first_break_s, neighbours in pairs.")],
    unlabelled: Annotated[Path | None, typer.Option(help="Other gathers of the survey, for `own`.")] = None,
    interval: Annotated[float, typer.Option(help="[s], if the files do not tell.")] = 0.00025,
    inits: Annotated[str, typer.Option(help="With commas between.")] = "classical,synthetic,own,scratch",
    counts: Annotated[str, typer.Option(help="Numbers of labelled gathers.")] = "0,1,2,4,8",
    seeds: Annotated[int, typer.Option(min=1)] = 3,
    runs: Annotated[Path, typer.Option(help="Folder of the trainings.")] = ROOT / "runs/first_breaks",
    output: Annotated[Path, typer.Option(help="Folder of the results.")] = ROOT / "benchmarks/results",
) -> None:
    """Trains what is not yet trained and writes first_breaks.json, row by row."""
    torch.set_num_threads(1)
    bench = Bench(labelled=labelled, unlabelled=unlabelled, interval=interval, runs=runs)
    gathers = len(read_recording(labelled).gathers)
    file = output / "first_breaks.json"
    rows = json.loads(file.read_text())["rows"] if file.exists() else []
    command = f"python benchmarks/bench_first_breaks.py {labelled.name}"
    command += f" --unlabelled {unlabelled.name}" if unlabelled else ""
    record = made_by(command, threads=1, rows=rows)
    drawn: dict[str, Found] = {}
    for count in map(int, counts.split(",")):
        for init in inits.split(","):
            done = any((row["init"], row["labelled"]) == (init, count) for row in rows)
            if (init == "scratch" and count == 0) or (done and count > 0):
                continue
            recipe = bench.recipe(init, gathers, count)
            by_seed = [
                joined(
                    [bench.found(init, train, held, seed, recipe) for train, held in make_folds(gathers, count, seed)]
                )
                for seed in range(seeds)
            ]
            if count == 0 and init != "classical":
                drawn[init] = joined(by_seed)
            if done:
                continue
            rows.append(
                make_row(init, count, by_seed) | ({"learning_rate": recipe[0], "steps": recipe[1]} if count else {})
            )
            Console().log(rows[-1])
            rows.sort(key=lambda row: (row["labelled"], row["init"]))
            output.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(record, indent=1) + "\n")
            file.with_suffix(".md").write_text(page(record))
    draw_reliability(drawn, NEAR, file.with_suffix(".png"))


if __name__ == "__main__":
    typer.run(main)
