"""kill -9 at random moments of a small experiment, and what is left of it once it has been resumed to its end.

    reference   the same experiment without a kill
    manager, dispatcher, trial      that process is killed; the launcher stops, and the same command is given again
    everything  the launcher too, all at once, as a reboot does

The real nnictl, with our tuner, guard and stages, on a tiny data set.  A moment is a number of finished trials and a
random time after that; both are drawn from the experiment's number.  Experiments in the results are not run again.
"""

import contextlib
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import psutil
import typer
import yaml
from lib.record import made_by
from rich.console import Console

from datagen.generate import generate
from trials.experiment.launch import run_experiment
from trials.experiment.nni import processes
from trials.experiment.plan import FinishedTrial, Plan, finished_trials, load_plan, read_state
from trials.running.quiet import quiet_libraries
from trials.settings.config import load

ROOT = Path(__file__).resolve().parents[1]
SEED = 2026
WHERE = ("manager", "dispatcher", "trial", "everything")
KILLS = 3  # an experiment
EXPERIMENTS = 10
STARTS = 12  # of the same command, at most
TOLERANCE = 1e-4  # of a score, for "identical"
PRESET = {
    "name": "faults",
    "device": "cpu",
    "data": {
        "seed": 5,
        "grid": {"nz": 24, "nx": 24, "spacing": 10.0},
        "survey": {"shots": 2, "receivers": 24, "frequency": 15.0, "interval": 0.001, "samples": 240},
        "split": {"train": 32, "validation": 8, "test": 8},
        "shard_size": 8,
    },
    "network": {"depth": 2, "width": 4, "nodes": 1, "operations": "small", "max_parameters": 8000},
    "search": {"samples": 32, "epochs": 4, "retrain_epochs": 4},
    "training": {"batch_size": 4},
    "tune": {"epochs": 12},
    "compress": {"epochs": 4},
}
SPACE = [
    {
        "_name": "search",
        "network.nodes": {"_type": "choice", "_value": [1, 2]},
        "search.arch_learning_rate": {"_type": "loguniform", "_value": [0.01, 0.1]},
        "seed": {"_type": "randint", "_value": [1, 1000]},
    },
    {"_name": "tune", "tune.learning_rate": {"_type": "loguniform", "_value": [0.004, 0.02]}},
    {
        "_name": "compress",
        "compress.sparsity": {"_type": "uniform", "_value": [0.4, 0.8]},
        "compress.schedule": {"_type": "choice", "_value": ["one_shot", "gradual"]},
    },
]
BUDGETS = {"search": 2, "tune": 2, "compress": 2}
TRIALS = sum(BUDGETS.values())


@dataclass
class Experiment:
    """One nni_config.yml in a folder of its own, started as often as needed."""

    config: Path
    port: int
    log: Path
    starts: int = 0
    orphans: int = 0  # found after a launcher had ended

    def start(self) -> subprocess.Popen[bytes]:
        self.starts += 1
        command = [sys.executable, __file__, "launch", str(self.config), str(self.port)]
        with self.log.open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT)

    @cached_property
    def plan(self) -> Plan:
        return load_plan(self.config)

    @property
    def id(self) -> str | None:
        state = read_state(self.plan)
        return state.experiment if state else None

    @property
    def finished(self) -> list[FinishedTrial]:
        return finished_trials(self.plan.folder / self.id) if self.id else []

    def alive(self) -> list[psutil.Process]:
        return processes.of_experiment(self.id) if self.id else []


def made(folder: Path, data: Path, port: int) -> Experiment:
    folder.mkdir(parents=True)
    preset = PRESET | {"data": PRESET["data"] | {"folder": str(data)}}  # type: ignore[operator]
    (folder / "preset.yml").write_text(yaml.safe_dump(preset))
    plan = {
        "experimentName": "faults",
        "searchSpace": {"stage": {"_type": "choice", "_value": SPACE}},
        "trialCommand": f"python -m trials --preset {folder / 'preset.yml'}",
        "trialCodeDirectory": str(ROOT),
        "trialConcurrency": 1,
        "maxTrialNumber": 1000,
        "tuner": {
            "className": "trials.experiment.tuner.suite_tuner.SuiteTuner",
            "codeDirectory": str(ROOT),
            "classArgs": {"budgets": BUDGETS, "seed": 1},
        },
        "trainingService": {"platform": "local"},
        "experimentWorkingDirectory": str(folder / "nni-experiments"),
    }
    (folder / "nni_config.yml").write_text(yaml.safe_dump(plan))
    return Experiment(folder / "nni_config.yml", port, folder / "launch.log")


def victims(experiment: Experiment, where: str, launcher: psutil.Process) -> list[psutil.Process]:
    """The processes to kill; empty while the one meant is not running."""
    found = {"manager": [], "dispatcher": [], "trial": []}  # type: dict[str, list[psutil.Process]]
    for process in experiment.alive():
        with contextlib.suppress(psutil.Error):
            words = process.cmdline()
            kind = "dispatcher" if "--exp_params" in words else "trial" if "--preset" in words else None
            kind = "manager" if any(word.endswith("nni_node/main.js") for word in words) else kind
            found.get(kind or "", []).append(process)
    if where != "everything":
        return found[where]
    return [launcher, *launcher.children(recursive=True), *experiment.alive()] if found["manager"] else []


def kill(experiment: Experiment, where: str, launcher: psutil.Process) -> bool:
    """False when there was nothing to kill any more."""
    chosen = victims(experiment, where, launcher)
    for process in chosen:
        with contextlib.suppress(psutil.Error):
            process.kill()
    return bool(chosen)


def moments(number: int, trial_seconds: float) -> Iterator[tuple[int, float]]:
    """(finished trials, seconds after that) of each kill of an experiment."""
    rng = np.random.default_rng([SEED, number])
    for trials in sorted(rng.choice(TRIALS, KILLS, replace=False)):
        yield int(trials), float(rng.uniform(0, trial_seconds))


def run(experiment: Experiment, where: str, plan: list[tuple[int, float]]) -> tuple[int, dict[str, Any]]:
    """Runs it to its end through the kills of `plan`; returns their number and the results that were there at one."""
    kills, seen, waiting = 0, {}, list(plan)
    while experiment.starts < STARTS:
        process = experiment.start()
        launcher = psutil.Process(process.pid)
        reached: float | None = None
        while process.poll() is None:
            time.sleep(0.25)
            if not waiting:
                continue
            trials, delay = waiting[0]
            if reached is None and len(experiment.finished) >= trials:
                reached = time.monotonic()
            if reached is not None and time.monotonic() - reached > delay:
                seen |= {one.id: one.metrics for one in experiment.finished}
                if kill(experiment, where, launcher):
                    kills += 1
                    waiting.pop(0)
                    reached = None
        if where == "everything" and process.returncode < 0:
            processes.wait(experiment.alive(), 10)
        experiment.orphans += len(experiment.alive())
        if process.returncode == 0:
            break
    return kills, seen


def outcome(experiment: Experiment) -> list[dict[str, Any]]:
    """Stage, settings and score of each finished trial, in the order of the stages and then of the settings."""
    rows = [
        {
            "stage": one.stage,
            "settings": {name: value for name, value in one.parameters["stage"].items() if name != "_name"},
            "score": one.metrics["default"],
        }
        for one in experiment.finished
    ]
    return sorted(rows, key=lambda row: (list(BUDGETS).index(row["stage"]), json.dumps(row["settings"])))


def identical(rows: list[dict[str, Any]], reference: list[dict[str, Any]]) -> bool:
    """The same settings, scores and so the same winners."""
    if [(row["stage"], row["settings"]) for row in rows] != [(row["stage"], row["settings"]) for row in reference]:
        return False
    return all(abs(row["score"] - other["score"]) < TOLERANCE for row, other in zip(rows, reference, strict=True))


def recorded(experiment: Experiment) -> tuple[set[str], dict[str, Any]]:
    """What NNI's data base has: the trials with a final metric, and the parameters of each trial."""
    assert experiment.id is not None
    file = experiment.plan.folder / experiment.id / "db" / "nni.sqlite"
    with contextlib.closing(sqlite3.connect(file)) as base:
        finals = {row[0] for row in base.execute("select trialJobId from MetricData where type = 'FINAL'")}
        events = base.execute("select trialJobId, data from TrialJobEvent where event = 'RUNNING'").fetchall()
    return finals, {trial: json.loads(data)["parameters"] for trial, data in events if data}


def make_row(
    number: int, where: str, experiment: Experiment, kills: int, seen: dict[str, Any], reference: list[dict[str, Any]]
) -> dict[str, Any]:
    finals, parameters = recorded(experiment)
    finished = {one.id: one for one in experiment.finished}
    gone = [one for one, metrics in seen.items() if one not in finished or finished[one].metrics != metrics]
    rows = outcome(experiment)
    return {
        "experiment": number,
        "where": where,
        "kills": kills,
        "finished": len(finished),
        "budget": TRIALS,
        "lost": len({*gone, *(one for one in finished if one not in finals)}),
        "orphans": experiment.orphans,
        "wrong_parameters": sum(parameters.get(one) != trial.parameters for one, trial in finished.items()),
        "identical": identical(rows, reference or rows),
        "starts": experiment.starts,
        "trials": rows,
    }


def page(record: dict[str, Any]) -> str:
    head = (
        "| killed | kills | experiments | finished of budget | results lost | orphans | wrong parameters | identical |"
    )
    lines = ["# Kills", "", head, "|---|" + "---:|" * 7]
    for where in ("reference", *WHERE):
        rows = [row for row in record["rows"] if row["where"] == where]
        if rows:
            total = {name: sum(row[name] for row in rows) for name in ("kills", "finished", "budget", "lost")}
            total |= {name: sum(row[name] for row in rows) for name in ("orphans", "wrong_parameters", "identical")}
            lines.append(
                f"| {where} | {total['kills']} | {len(rows)} | {total['finished']} of {total['budget']} | "
                f"{total['lost']} | {total['orphans']} | {total['wrong_parameters']} | "
                f"{total['identical']} of {len(rows)} |"
            )
    lines += ["", " ".join(NOTES.split()), ""]
    told = f"`{record['command']}`, commit {record['commit']}, {record['machine']}, {record['date']}."
    return "\n".join([*lines, told, ""])


NOTES = f"""
kill -9 at random moments (seed {SEED}) of an experiment of {TRIALS} trials, resumed by the same command until it ends.
Lost: a result that was there at a kill and is not, or differs, at the end, or that NNI's data base lacks. Orphans:
processes of the experiment after its launcher has ended. Wrong parameters: NNI's record differs from the trial's own.
Identical: the same settings in every trial and scores within {TOLERANCE:g} of the experiment without kills.
"""

app = typer.Typer(add_completion=False)


@app.command()
def launch(config: Path, port: int) -> None:
    """What the measurement kills: the launcher of `seisnas run`."""
    quiet_libraries()
    ended = run_experiment(config, port)
    Console().print(ended.reason or "ended", markup=False)
    raise typer.Exit(0 if ended.success else 1)


@app.command()
def measure(
    experiments: Annotated[int, typer.Option(help=f"With {KILLS} kills each.")] = EXPERIMENTS,
    port: Annotated[int, typer.Option(help="First port of the web page that may be used.")] = 18200,
    scratch: Annotated[Path, typer.Option(help="Where the experiments run.")] = Path("build/faults"),
    output: Annotated[Path, typer.Option(help="Folder of the results.")] = ROOT / "benchmarks/results",
) -> None:
    """Runs what is missing in the results."""
    scratch = scratch.resolve()
    os.environ["HOME"] = str(scratch / "home")  # NNI keeps a list of experiments there
    (scratch / "home").mkdir(parents=True, exist_ok=True)
    file = output / "faults.json"
    record = json.loads(file.read_text()) if file.exists() else {"rows": []}
    record |= made_by("python benchmarks/bench_faults.py measure")
    for number in range(experiments + 1):
        if any(row["experiment"] == number for row in record["rows"]):
            continue
        where = "reference" if number == 0 else WHERE[(number - 1) % len(WHERE)]
        reference = next((row for row in record["rows"] if row["experiment"] == 0), None)
        shutil.rmtree(scratch / str(number), ignore_errors=True)
        experiment = made(scratch / str(number), scratch / "data", free_port(port))
        generate(load(experiment.config.with_name("preset.yml")).data, workers=1, progress=False)
        start = time.monotonic()
        plan = list(moments(number, reference["seconds"] / TRIALS)) if reference else []
        kills, seen = run(experiment, where, plan)
        if reference is None and len(experiment.finished) < TRIALS:
            sys.exit(f"the experiment without kills did not end, see {experiment.log}")
        row = make_row(number, where, experiment, kills, seen, reference["trials"] if reference else [])
        record["rows"].append(row | {"seconds": round(time.monotonic() - start)})
        Console().log({name: value for name, value in record["rows"][-1].items() if name != "trials"})
        output.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(record, indent=1) + "\n")
        file.with_suffix(".md").write_text(page(record))


def free_port(first: int) -> int:
    for port in range(first, first + 500):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    raise OSError(f"no free port from {first} on")


if __name__ == "__main__":
    app()
