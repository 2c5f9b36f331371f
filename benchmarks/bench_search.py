"""What a search is worth: what each strategy finds, trained in full, beside what it costs.

    python benchmarks/bench_search.py --seeds 5

Strategies that do nothing but train cells are replayed on the random cells that bench_ranking.py has trained in full,
with a score after every thousand samples.  Each of DRAWS draws takes CANDIDATES of them, with replacement; all
strategies see the same draw, in the same order, at the same cost:

    one draw    the first, unseen
    random      the best of the first few, trained in full: as many, in the mean over the draws, as halving costs;
                and of the first eight, at twice the cost
    halving     all for the first rung; the better half goes on, and again, to one; nothing is trained twice

Better is what has the higher SSIM on the validation split, or the lower training loss over the last thousand samples
(Ru et al. 2021).  Errors are of five pairs.
The one-shot strategies and Archai's evolution search anew with every seed, on the preset's own data set, and what they
find is trained as the random cells were.  A choice sees training and validation alone; the outcome is SSIM of the RTM
image on the test split.  `archai` has to be installed (docs/search.md), or left out of --strategies.

    results/search.json, .md     a row for each strategy; search.png: cost against outcome; `tau`: how well what it
                                 chooses by ranks the random cells at RUNGS
    results/found.json, .md      a row for each cell that such a search found, and those of bench_climb.py and
                                 bench_halving.py
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
import torch
import typer
from bench_imaging import NETWORKS, OPENFWI, WORK, Lesson, load_config, make_network
from bench_ranking import EVERY, FULL, tau, trained
from lib.grounds import lay_grounds, own_data
from lib.record import Record, Row
from lib.search_figure import draw_search

from search_spaces.genotype import Genotype, skip_share
from trials.running.channel import Channel
from trials.running.quiet import quiet_libraries
from trials.running.run_folder import RunFolder
from trials.settings.config import Config, load
from trials.stages.search import find_cells

CANDIDATES, DRAWS = 16, 2000
RUNGS = (1, 2, 4, 8)  # thousands of samples after which the better half goes on
OUTCOME = "test_rtm_ssim"
EIGHT = "random, eight"
SEARCH: dict[str, Any] = {"search.samples": 600, "search.epochs": 6, "search.warmup_epochs": 2, "search.width": 16}
EVOLUTION: dict[str, Any] = {"search.epochs": 1, "search.candidates": 6}  # archai: each sees the data set once
SEARCHES = ("darts", "parsec", "one_path", "archai")


def main(
    seeds: Annotated[int, typer.Option(help="Of each search.")] = 5,
    samples: Annotated[int, typer.Option(help="Of each training in full, as of bench_ranking.py.")] = 12_000,
    models: Annotated[int, typer.Option(help="Different ones among them.")] = 15_000,
    strategies: Annotated[str, typer.Option(help="That search anew, with commas between.")] = ",".join(SEARCHES),
    preset: Annotated[Path, typer.Option()] = OPENFWI,
    work: Annotated[Path, typer.Option(help="Of bench_imaging.py, whose kept features are used.")] = WORK,
) -> None:
    torch.set_num_threads(1)
    quiet_libraries()
    command = f"python benchmarks/bench_search.py --seeds {seeds}"
    cells = [row for row in Record("cells", "", command).rows if row["samples"] == samples]
    record = Record("search", "What a search costs and finds", command, split="test; choices on validation")
    record.rows = []
    for row in replayed(cells):
        record.add(row | {"tau": ranks(row["strategy"], cells)})
    random = next(row for row in record.rows if row["strategy"] == "random")
    found = Record("found", "Cells that searches found, trained in full", command, split="test")
    for strategy in filter(None, strategies.split(",")):
        for seed in range(1, seeds + 1):
            if not found.has(strategy=strategy, seed=seed, samples=samples):
                lesson = Lesson(network="small", optimizer="muon", samples=samples, models=models, seed=1)
                found.add({"strategy": strategy, "seed": seed} | searched(strategy, seed, lesson, preset, work))
    for strategy in dict.fromkeys(row["strategy"] for row in found.rows):
        rows = [row for row in found.rows if row["strategy"] == strategy and row["samples"] == samples]
        record.add(summary(strategy, rows, cells, random) | {"tau": ranks(strategy, cells)})
    draw_search(cells, record.rows, found.rows, OUTCOME, record.file.with_suffix(".png"))


def replayed(cells: Sequence[Row]) -> list[Row]:
    """A row for each strategy that only trains cells; their cost has the winner's training."""
    samples = cells[0]["samples"]
    second = fmean(60 * cell["core_minutes"] / samples for cell in cells)  # of a core, for a sample
    rng = np.random.default_rng(0)
    draws = [[cells[k] for k in rng.integers(0, len(cells), CANDIDATES)] for _ in range(DRAWS)]
    strategies: dict[str, Callable[[Sequence[Row]], Row]] = {
        "one draw": lambda drawn: drawn[0],
        "random": lambda drawn: best(drawn[: int(halving_cost(samples) / samples + rng.random())], FULL),
        EIGHT: lambda drawn: best(drawn[:8], FULL),
        "halving, validation SSIM": lambda drawn: halving(drawn, validation_after),
        "halving, training loss": lambda drawn: halving(drawn, loss_after),
    }
    samples_of = {"one draw": samples, EIGHT: 8 * samples}
    chosen = {name: [choose(drawn) for drawn in draws] for name, choose in strategies.items()}
    outcome = {name: np.array([cell[OUTCOME] for cell in found]) for name, found in chosen.items()}
    rows: list[Row] = []
    for name, found in chosen.items():
        gain = outcome[name] - outcome["random"]
        rows.append(
            {
                "strategy": name,
                "cost_core_seconds": round(second * samples_of.get(name, halving_cost(samples))),
                "seeds": DRAWS,
                "ssim_mean": round(float(outcome[name].mean()), 4),
                "ssim_std": round(float(outcome[name].std()), 4),
                "skip_share": round(fmean(skips(cell) for cell in found), 3),
                "parameters": round(fmean(cell["parameters"] for cell in found)),
                "over_random": round(float(gain.mean()), 4),
                "over_random_standard_error": round(float(gain.std(ddof=1)) / 5**0.5, 4),
            }
        )
    return rows


def halving(drawn: Sequence[Row], score: Callable[[Row, int], float]) -> Row:
    alive = list(drawn)
    for rung in RUNGS:
        alive = sorted(alive, key=lambda cell: -score(cell, rung))[: max(1, len(alive) // 2)]
    return alive[0]


def halving_cost(samples: int) -> int:
    """Samples that all candidates see together, the winner's whole training included."""
    alive, seen, cost = CANDIDATES, 0, 0
    for rung in RUNGS:
        cost += alive * (min(EVERY * rung, samples) - seen)
        alive, seen = max(1, alive // 2), min(EVERY * rung, samples)
    return cost + samples - seen


def ranks(strategy: str, cells: Sequence[Row]) -> list[float] | None:
    """Kendall's τ with the outcome, over `cells`, of what it chooses by: at each rung, or once of whole trainings.

    None: it looks at no training, or at a supernet's.
    """
    outcome = [cell[OUTCOME] for cell in cells]
    if strategy in ("random", EIGHT):
        return [tau(outcome, [cell[FULL] for cell in cells])]
    score = CHOOSE_BY.get(strategy)
    if score is None:
        return None
    return [tau(outcome, [score(cell, rung) for cell in cells]) for rung in RUNGS]


def validation_after(cell: Row, thousands: int) -> float:
    score: float = cell["curve"][thousands - 1][FULL]
    return score


def loss_after(cell: Row, thousands: int) -> float:
    loss: float = cell["curve"][thousands - 1]["loss"]
    return -loss


CHOOSE_BY: dict[str, Callable[[Row, int], float]] = {
    "halving, validation SSIM": validation_after,
    "halving, training loss": loss_after,
    "halving of the widest": loss_after,
    "climb": loss_after,
}


def best(cells: Sequence[Row], score: str) -> Row:
    return max(cells, key=lambda cell: cell[score])


def skips(cell: Row) -> float:
    return skip_share(Genotype.from_json(cell["cells"]))


def searched(strategy: str, seed: int, lesson: Lesson, preset: Path, work: Path) -> Row:
    """What a search finds, trained as the random cells."""
    cells, seconds = search(strategy, seed, preset, work)
    (ground,) = lay_grounds(make_network("small", load_config(preset), preset, work), [preset], lesson.models, work)
    network = replace(NETWORKS["small"], genotype=cells)
    file = work / f"found_{strategy}_{seed}_{lesson.samples}.safetensors"
    row = trained(network, load_config(preset), lesson, ground, file)
    return {"samples": lesson.samples, "cost_core_seconds": round(seconds), "skip_share": skip_share(cells)} | row


def search(strategy: str, seed: int, preset: Path, work: Path) -> tuple[Genotype, float]:
    """The cells, and the seconds of a core that they took; kept in `work`."""
    file = work / f"found_{strategy}_{seed}.json"
    if not file.exists():
        own_data(preset, work)
        folder = {"data.folder": str(work / "data" / preset.stem)}
        migrating = {"target": "both", "network.front": "migrate"}
        begun = time.process_time()
        settings = SEARCH | EVOLUTION if strategy == "archai" else SEARCH
        found = found_by(load(preset, settings | migrating | folder | {"search.strategy": strategy, "seed": seed}))
        file.write_text(json.dumps({"cells": found.to_json(), "seconds": time.process_time() - begun}))
    kept = json.loads(file.read_text())
    return Genotype.from_json(kept["cells"]), kept["seconds"]


def found_by(config: Config) -> Genotype:
    with TemporaryDirectory() as folder:
        run = RunFolder(folder)
        run.start(config, "search")
        return find_cells(config, run, Channel())


def summary(strategy: str, rows: Sequence[Row], cells: Sequence[Row], random: Row) -> Row:
    """Of a search that ran; its cost includes the whole training of what it found.

    Its gain over random search is the difference of the means; the error adds the spread of both, for as many runs.
    """
    each = [row[OUTCOME] for row in rows]
    spread = stdev(each) if len(each) > 1 else None
    gain: Row = {}
    if spread is not None:
        error = float(np.hypot(spread, random["ssim_std"])) / len(each) ** 0.5
        gain = {
            "over_random": round(fmean(each) - random["ssim_mean"], 4),
            "over_random_standard_error": round(error, 4),
        }
    return {
        "strategy": strategy,
        "cost_core_seconds": round(fmean(row["cost_core_seconds"] + 60 * row["core_minutes"] for row in rows)),
        "seeds": len(rows),
        "ssim_mean": round(fmean(each), 4),
        "ssim_std": None if spread is None else round(spread, 4),
        "skip_share": round(fmean(row["skip_share"] for row in rows), 3),
        "parameters": round(fmean(row["parameters"] for row in rows)),
        "each": [round(value, 4) for value in each],
        "random_cells_above": [sum(cell[OUTCOME] > value for cell in cells) for value in each],
        **gain,
    }


if __name__ == "__main__":
    typer.run(main)
