"""Experiments as NNI and the trials leave them on the disk, small, for tests of the page."""

import io
import json
import sqlite3
import time
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml

from compressors.outputs import RTM, VELOCITY
from datagen.config import Grid
from tests.trials.experiment.recorded import SCHEMA
from trials.training.pictures.sheet import Row, draw_sheet

Kind = Literal["running", "finished", "failed", "stopped"]

BRANCHES = [{"_name": name} for name in ("search", "tune", "compress")]
BUDGETS = {"search": 2, "tune": 2, "compress": 3}
CONFIG = {
    "experimentName": "<b>salt & $HOME</b>",  # must stay text
    "trialConcurrency": 2,
    "tuner": {"classArgs": {"budgets": BUDGETS}},
    "searchSpace": {"stage": {"_type": "choice", "_value": BRANCHES}},
}
PRESET = {
    "target": "both",
    "search": {"strategy": "random", "epochs": 2, "retrain_epochs": 2},
    "tune": {"epochs": 6, "minutes": 0.0},
    "compress": {"schedule": "one_shot", "steps": 3, "epochs": 3},
}
SETTINGS: dict[str, dict[str, Any]] = {
    "search": {"network.depth": 3, "search.strategy": "parsec", "search.arch_learning_rate": 0.0139},
    "tune": {"tune.learning_rate": 0.0112, "loss.gradient": 0.031, "loss.ssim": 0.14},
    "compress": {"compress.pruner": "level", "compress.sparsity": 0.4, "compress.distil": 1.0},
}
PHASES = {"search": "retrain", "tune": "tune", "compress": "compress-1"}
FRONT = [
    {"genotype": "{}", "quality": 0.332, "parameters": 280_320, "latency_ms": 6.123},
    {"genotype": "{}", "quality": 0.281, "parameters": 90_112, "latency_ms": 3.0},
]
FAILURE = "failed: training: loss term loss is nan in epoch 1; lower tune.learning_rate"
STARTED = 1_795_000_000.0  # [s since 1970]


def store(folder: Path, kind: Kind) -> Path:
    """Writes an experiment: finished; running, in its second compress trial; stopped there; or failed in tune."""
    (folder / "db").mkdir(parents=True)
    base = sqlite3.connect(folder / "db" / "nni.sqlite")
    base.executescript(SCHEMA)
    begun = time.time() - 700 if kind == "running" else STARTED
    row = (json.dumps(CONFIG), folder.name, round(begun * 1000))
    base.execute("insert into ExperimentProfile values (?, ?, 0, ?, null, null, 9, 1)", row)
    for number, (stage, epochs, ssim, nonzero, status) in enumerate(_trials(kind)):
        run = folder / "environments" / "local-env" / "trials" / f"t{number:04}"
        _store_run(run, stage, epochs, ssim, nonzero, status)
        handed = json.dumps({"parameter_source": "algorithm", "parameters": _parameters(stage)})
        start = round((begun + 100 * number) * 1000)
        events = [(start, "RUNNING", handed)] + ([(start + 90_000, status, None)] if status != "RUNNING" else [])
        for at, event, data in events:
            values = (at, run.name, event, data, str(run), number)
            base.execute("insert into TrialJobEvent values (?, ?, ?, ?, ?, ?, null, null)", values)
        if status == "SUCCEEDED":
            metric = json.dumps(json.dumps({"default": ssim - (0.03 if stage == "compress" else 0.0)}))
            base.execute("insert into MetricData values (?, ?, '0', 'FINAL', 0, ?)", (start + 90_000, run.name, metric))
    base.commit()
    base.close()
    return folder


def _trials(kind: Kind) -> list[tuple[str, int, float, int, str]]:
    """Stage, epochs so far, SSIM, parameters not zero, status."""
    search = [("search", 2, 0.332, 280_320, "SUCCEEDED"), ("search", 2, 0.245, 260_892, "SUCCEEDED")]
    if kind == "failed":
        return [*search, ("tune", 1, 0.21, 0, "FAILED"), ("tune", 0, 0.0, 0, "FAILED")]
    tune = [("tune", 6, 0.496, 280_320, "SUCCEEDED"), ("tune", 6, 0.494, 280_320, "SUCCEEDED")]
    first = ("compress", 3, 0.495, 169_406, "SUCCEEDED")
    if kind == "finished":
        rest = [("compress", 3, 0.454, 113_950, "SUCCEEDED"), ("compress", 3, 0.441, 141_000, "SUCCEEDED")]
        return [*search, *tune, first, *rest]
    return [*search, *tune, first, ("compress", 2, 0.44, 0, "RUNNING")]


def _parameters(stage: str) -> dict[str, Any]:
    return {"stage": {"_name": stage, **SETTINGS[stage]}}


def _store_run(run: Path, stage: str, epochs: int, ssim: float, nonzero: int, status: str) -> None:
    (run / "predictions").mkdir(parents=True)
    (run / "config.yml").write_text(yaml.safe_dump(PRESET))
    (run / "provenance.json").write_text(json.dumps({"parameters": _parameters(stage)}))
    curve = [ssim * (1 - 0.6 / (epoch + 1)) for epoch in range(1, epochs)] + [ssim] * (epochs > 0)
    rows = [{"phase": PHASES[stage], "epoch": epoch, "val_ssim": value} for epoch, value in enumerate(curve)]
    (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for epoch in range(1, epochs + 1):
        (run / "predictions" / f"{PHASES[stage]}-{epoch:03}.png").write_bytes(_picture(epoch))
    if status == "SUCCEEDED":
        result = {"default": ssim, "ssim": ssim, "nonzero": nonzero, "parameters": 280_320, "latency_ms": 36.9}
        result |= {"correlation": 0.79, "velocity_ssim": 0.6, "blank_ssim": 0.175}
        (run / "result.json").write_text(json.dumps(result))
        if stage == "search":
            (run / "pareto.json").write_text(json.dumps(FRONT))
    if status == "FAILED":
        (run / "trial.stderr").write_text(
            "failed: training: loss term loss is nan in epoch 1; lower tune.learning_rate\n"
        )


@cache
def _picture(epoch: int) -> bytes:
    """As PNG, like those of a network that sees more in each epoch."""
    z_ZX, x_ZX = np.mgrid[0:64, 0:64] / 64.0
    salt_ZX = ((x_ZX - 0.5) ** 2 + (z_ZX - 0.6) ** 2 < 0.03) * 1.0
    layers_ZX = np.sin(30 * z_ZX + 3 * np.sin(4 * x_ZX))
    seen = 1 - 0.8 / epoch
    smooth_ZX = 1800 + 1200 * z_ZX
    rows = [
        Row(label="velocity 1", picture=VELOCITY, truth_ZX=smooth_ZX + 1500 * salt_ZX,
            prediction_ZX=smooth_ZX + 1500 * seen * salt_ZX, ssim=seen),
        Row(label="RTM image 1", picture=RTM, truth_ZX=layers_ZX, prediction_ZX=seen * layers_ZX, ssim=seen),
    ]  # fmt: skip
    stream = io.BytesIO()
    draw_sheet(rows, Grid(nz=64, nx=64, spacing=10.0), f"epoch {epoch}").save(stream, format="png")
    return stream.getvalue()
