"""Everything measured about making data, in one command; each row is written as soon as it is measured.

part        rows                                                                            quiet time, 2 cores
machine     what the machine could do at most, and the kernel's share of it (roofline.py)   1 minute
deepwave    shots and images a second beside Deepwave's (against_deepwave.py)               15 minutes
generate    models a minute with storage, seconds to start (throughput.py)                  5 minutes
scaling     rate against workers and number of models                                       12 minutes, with --scaling

A run that was stopped continues where it left off: rows of the same commit are not measured again.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # before NumPy and torch read them

import against_deepwave
import datagen_page
import deepwave
import roofline
import throughput
import typer
from rich.console import Console

from datagen.config import Data
from datagen.files.whole_files import whole
from trials.settings.config import load

ROOT = Path(__file__).resolve().parents[1]
PROCESSES = 2
PRESETS = ("quickstart", "openfwi", "paper")
PARTS = ("machine", "deepwave", "generate")
SHORT = {"paper": 500}  # time samples of this preset beside Deepwave; rates fall in proportion to them
COUNTS = (500, 2_000, 10_000)  # models

Row = dict[str, Any]


class Results:
    """The rows, on disk as soon as they are measured."""

    def __init__(self, folder: Path) -> None:
        self.path, self.console = folder / "datagen.json", Console()
        changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!benchmarks/results")
        self.commit = git("rev-parse", "--short", "HEAD") + ("-dirty" if changed else "")
        processor = Path("/proc/cpuinfo").read_text().partition("model name\t: ")[2].partition("\n")[0]
        before = json.loads(self.path.read_text()) if self.path.exists() else {"command": "", "rows": []}
        command = " ".join(["python", "benchmarks/bench_datagen.py", *sys.argv[1:]])
        earlier = [each for each in before["command"].split(" && ") if each and each != command]
        self.head = {
            "command": " && ".join([*earlier, command]),
            "commit": self.commit,
            "machine": f"{processor}, {os.cpu_count()} cores; {PROCESSES} processes; Deepwave {deepwave.__version__}",
            "date": date.today().isoformat(),
        }
        self.rows: list[Row] = before["rows"]

    def find(self, **wanted: Any) -> Row | None:
        """The row with these values that this commit measured."""
        wanted |= {"commit": self.commit}
        return next((row for row in self.rows if wanted.items() <= row.items()), None)

    def add(self, row: Row, load_before: float) -> None:
        """Puts a row in the place of an older one of its kind and writes the files."""
        kind = ("job", "preset", *(("workers",) if row["job"] == "workers" else ()))
        kind += ("models",) if row["job"] == "models" else ()
        self.rows = [old for old in self.rows if any(old.get(key) != row.get(key) for key in kind)]
        self.rows.append(row | {"commit": self.commit, "load": [load_before, os.getloadavg()[0]]})
        record = self.head | {"rows": self.rows}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with whole(self.path) as part:
            part.write_text(json.dumps(record, indent=1) + "\n")
        self.path.with_suffix(".md").write_text(datagen_page.page(record))
        self.console.log(datagen_page.headline(row))

    def measure(self, work: Callable[[], Row | Iterable[Row]], **kind: Any) -> None:
        """Adds what `work` returns or yields, unless there is a row of this kind."""
        if self.find(**kind):
            self.console.log(f"{kind}: measured already")
            return
        self.console.log(f"{kind} …")
        before = os.getloadavg()[0]
        found = work()
        for row in [found] if isinstance(found, dict) else found:
            self.add(row, before)


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def measure_machine(results: Results, data: dict[str, Data]) -> None:
    results.measure(lambda: {"job": "machine", "preset": None, **roofline.machine()}, job="machine")
    machine = results.find(job="machine")
    assert machine is not None
    for preset, each in data.items():
        rates = machine["peak_GFlop_per_s"] * 1e9, machine["first_cache_GB_per_s"] * 1e9
        kind = {"job": "limit", "preset": preset}
        results.measure(lambda each=each, kind=kind, rates=rates: kind | roofline.limits(each, *rates), **kind)


def measure_deepwave(results: Results, data: dict[str, Data], rounds: int, quick: bool) -> None:
    pools = [ProcessPoolExecutor(1, mp_context=get_context("spawn")) for _ in range(PROCESSES)]

    def rows(preset: str, each: Data) -> Iterable[Row]:
        machine, limit = results.find(job="machine"), results.find(job="limit", preset=preset)
        assert machine is not None
        assert limit is not None
        for row in against_deepwave.compare(pools, preset, each, max(1, rounds - 2 * (preset == "paper")), quick):
            most = roofline.shots_per_second(each, row["job"], limit["limit_ns_per_point"], machine["memory_GB_per_s"])
            yield row | {"fraction_of_limit": row["ours_shots_per_s"] / (PROCESSES * most)}

    for preset, each in data.items():
        results.measure(lambda preset=preset, each=each: rows(preset, each), job="rtm", preset=preset)
    for pool in pools:
        pool.shutdown()


def measure_generate(results: Results, data: dict[str, Data], rounds: int, quick: bool) -> None:
    for preset, each in data.items():
        some = min(rounds, 2) if preset == "paper" else min(rounds, 3)
        work = lambda preset=preset, each=each, some=some: throughput.end_to_end(preset, each, some, quick)  # noqa: E731
        results.measure(work, job="generate", preset=preset)
    results.measure(lambda: throughput.start(1 if quick else 2), job="start")


def measure_scaling(results: Results, data: Data, quick: bool) -> None:
    rounds, last = (1, 2) if quick else (3, 4)
    work = lambda: throughput.against_workers("quickstart", data, rounds, quick)  # noqa: E731
    results.measure(work, job="workers", workers=last)
    for models in (48, 96) if quick else COUNTS:
        row = lambda models=models: throughput.against_models("quickstart", data, models)  # noqa: E731
        results.measure(row, job="models", models=models)


def main(
    quick: Annotated[bool, typer.Option(help="A try: quickstart, one round, few settings, build/tries.")] = False,
    scaling: Annotated[bool, typer.Option(help="The part scaling instead of the others.")] = False,
    only: Annotated[list[str] | None, typer.Option(help=f"Some of the parts {', '.join(PARTS)}.")] = None,
    preset: Annotated[list[str] | None, typer.Option(help="Some of the presets.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Measurements of each contender.")] = 5,
    output: Annotated[Path | None, typer.Option(help="Folder of the results; benchmarks/results if not quick.")] = None,
) -> None:
    """Measures modelling, migration and generation."""
    results = Results(output or ROOT / ("build/tries" if quick else "benchmarks/results"))
    names = preset or (PRESETS[:1] if quick else PRESETS)
    data = {name: load(ROOT / "presets" / f"{name}.yml").data for name in names}
    short = {
        name: replace(each, survey=replace(each.survey, samples=SHORT.get(name, each.survey.samples)))
        for name, each in data.items()
    }
    parts, rounds = only or PARTS, 1 if quick else rounds
    if unknown := {*parts} - {*PARTS}:
        raise typer.BadParameter(f"--only {', '.join(unknown)}: the parts are {', '.join(PARTS)}")
    if scaling:
        measure_scaling(results, data["quickstart"], quick)
        return
    if "machine" in parts or "deepwave" in parts:
        measure_machine(results, short)
    if "deepwave" in parts:
        measure_deepwave(results, short, rounds, quick)
    if "generate" in parts:
        measure_generate(results, data, rounds, quick)


if __name__ == "__main__":
    typer.run(main)
