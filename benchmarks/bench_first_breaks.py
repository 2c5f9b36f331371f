"""Error of first-break picks against the number of labelled gathers, for pickers that start from different weights.

classical       STA/LTA with AIC, its settings the best of a grid on the labelled gathers
scratch         network with fresh weights
synthetic       network trained on Devito gathers with eikonal labels (`seisnas tune -p presets/field.yml`)
autoencoder, gan, gan_synthetic     encoder weights from a file: --weights gan=FILE

Recorded gathers with picks made by hand, cross-validated over pairs of neighbours: both of a pair are tested, or both
may be trained on.  `synthetic` is what `seisnas pick-train` does.  Every other start chooses its learning rate and
number of steps from the same RECIPES, by training on as many gathers, a pair at most, and scoring on another pair,
neither of them tested in that fold; fresh weights need more of both than weights that can already pick.  The spread is
over seeds, of the mean over all tested traces.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from lib.record import made_by
from numpy.typing import NDArray
from rich.console import Console

from datagen.traces.gathers import read_recording
from trials.results.pick_errors import classical_finds, network_finds
from trials.running.channel import Channel
from trials.running.run_folder import RunFolder
from trials.settings.config import Config, load
from trials.stages.execute import execute
from trials.training.picking.fine_tuning import PAIR, fine_tuning, recipe
from trials.training.picking.pick_scores import HITS

ROOT = Path(__file__).resolve().parents[1]
PRESET = ROOT / "presets/field.yml"
RECIPES = ((5.0e-3, 120), (1.0e-3, 120), (1.0e-3, 40))  # peak of the learning rate, steps


@dataclass(frozen=True, kw_only=True)
class Case:
    """What a network starts from, and where its trainings lie."""

    init: str
    start: dict[str, Any]
    labelled: Path
    interval: float
    runs: Path

    def errors(self, train: list[int], held: list[int], seed: int, recipe: tuple[float, int]) -> NDArray[np.float64]:
        """Absolute errors [ms] of the labelled traces held out, after training, unless that was done before."""
        rate, steps = recipe
        settings = fine_tuning(self.labelled, self.interval, train, held, steps)
        config = load(PRESET, settings, {"seed": seed, "tune.learning_rate": rate}, self.start)
        if self.init == "classical":
            return np.abs(classical_finds(config).error_N)
        name = f"{self.init}-{len(train)}-{seed}-{'_'.join(map(str, train))}-{held[0]}-{rate:g}-{steps}"
        return network_errors(config, RunFolder(self.runs / name))

    def recipe(self, gathers: int, count: int) -> tuple[float, int]:
        """That of `seisnas pick-train` from modelled gathers; of other starts the best of RECIPES.

        It is chosen after training on `count` gathers, a pair at most, for a pair that is not tested.
        """
        if self.init in ("classical", "synthetic"):
            return recipe(count)
        few = min(count, PAIR)
        inner = [(train[:few], train[PAIR : 2 * PAIR]) for train, _ in make_folds(gathers, 2 * PAIR, seed=0)]
        found = {
            recipe: float(np.concatenate([self.errors(train, held, 0, recipe) for train, held in inner]).mean())
            for recipe in RECIPES
        }
        Console().log(self.init, found)
        return min(found, key=lambda recipe: found[recipe])


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


def start_settings(init: str, weights: dict[str, Path]) -> dict[str, Any]:
    """Settings that make a training start from `init`: the whole network's weights, or the encoder's."""
    if init in ("classical", "scratch"):
        return {}
    whole = init in ("synthetic", "gan_synthetic")
    return {"picking.start" if whole else "network.encoder_init": str(weights[init])}


def network_errors(config: Config, run: RunFolder) -> NDArray[np.float64]:
    if not run.finished:
        execute("tune", config, run, Channel())
    return np.abs(network_finds(config, run).error_N)


def make_row(init: str, labelled: int, errors_by_seed: list[NDArray[np.float64]], interval: float) -> dict[str, Any]:
    means = [float(errors.mean()) for errors in errors_by_seed]
    together = np.concatenate(errors_by_seed)
    row: dict[str, Any] = {"init": init, "labelled": labelled, "seeds": len(means), "split": "test"}
    row |= {"mae_ms_mean": float(np.mean(means)), "mae_ms_std": float(np.std(means, ddof=1)) if len(means) > 1 else 0.0}
    row |= {"median_ms": float(np.median(together)), "traces": len(together)}
    return row | {f"hit_{reach}": float((together <= 1e3 * interval * (reach + 0.01)).mean()) for reach in HITS}


def page(record: dict[str, Any]) -> str:
    text = "# First breaks against the number of labelled gathers\n\n"
    text += "".join(f"- {key}: `{value}`\n" for key, value in record.items() if key != "rows")
    text += "\nErrors in ms on gathers of pairs held out; ± over seeds.  hit k: within k samples.\n\n"
    text += "| start | labelled | mean error | median | " + " | ".join(f"hit {reach}" for reach in HITS) + " |\n"
    text += "|---" * (4 + len(HITS)) + "|\n"
    for row in record["rows"]:
        spread = f" ± {row['mae_ms_std']:.2f}" if row["seeds"] > 1 else ""
        cells = [row["init"], row["labelled"], f"{row['mae_ms_mean']:.2f}{spread}", f"{row['median_ms']:.2f}"]
        cells += [f"{100 * row[f'hit_{reach}']:.0f} %" for reach in HITS]
        text += "| " + " | ".join(map(str, cells)) + " |\n"
    return text


def main(
    labelled: Annotated[Path, typer.Argument(help=".npz of gathers and first_break_s, neighbours in pairs.")],
    interval: Annotated[float, typer.Option(help="[s], if the file does not tell.")] = 0.00025,
    inits: Annotated[str, typer.Option(help="With commas between.")] = "classical,scratch,synthetic",
    counts: Annotated[str, typer.Option(help="Numbers of labelled gathers.")] = "1,2,4,8",
    seeds: Annotated[int, typer.Option(min=1)] = 3,
    synthetic: Annotated[Path, typer.Option(help="Weights of the tuned run.")] = ROOT
    / "runs/field/tune/weights.safetensors",
    weights: Annotated[list[str] | None, typer.Option(help="INIT=FILE; repeatable.")] = None,
    runs: Annotated[Path, typer.Option(help="Folder of the trainings.")] = ROOT / "runs/first_breaks",
    output: Annotated[Path, typer.Option(help="Folder of the results.")] = ROOT / "benchmarks/results",
) -> None:
    """Trains what is not yet trained and writes first_breaks.json, row by row."""
    torch.set_num_threads(1)
    given = {"synthetic": synthetic}
    given |= {name: Path(file) for name, _, file in (text.partition("=") for text in weights or [])}
    gathers = len(read_recording(labelled).gathers)
    file = output / "first_breaks.json"
    rows = json.loads(file.read_text())["rows"] if file.exists() else []
    record = made_by(f"python benchmarks/bench_first_breaks.py {labelled.name} --inits {inits}", threads=1, rows=rows)
    wanted = [(init, count) for init in inits.split(",") for count in map(int, counts.split(","))]
    for init, count in wanted:
        if any((row["init"], row["labelled"]) == (init, count) for row in rows):
            continue
        case = Case(init=init, start=start_settings(init, given), labelled=labelled, interval=interval, runs=runs)
        recipe = case.recipe(gathers, count)
        errors = [
            np.concatenate([case.errors(train, held, seed, recipe) for train, held in make_folds(gathers, count, seed)])
            for seed in range(seeds)
        ]
        recipe_told = {} if init == "classical" else {"learning_rate": recipe[0], "steps": recipe[1]}
        rows.append(make_row(init, count, errors, interval) | recipe_told)
        Console().log(rows[-1])
        rows.sort(key=lambda row: (row["labelled"], row["init"]))
        output.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(record, indent=1) + "\n")
        file.with_suffix(".md").write_text(page(record))


if __name__ == "__main__":
    typer.run(main)
