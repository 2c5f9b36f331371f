"""Models a minute of `generate`, storage included; how the rate grows with workers and models; how long a start takes.

Each run is a process of its own; its memory is its own and that of the largest of its workers.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from datagen.config import Data, Split
from datagen.generate import generate
from trials.settings.config import load

ROOT = Path(__file__).resolve().parents[1]
MODELS = {"quickstart": 480, "openfwi": 400, "paper": 32}  # of a run
FIRST_IMAGE = """
from pathlib import Path
from datagen.waves.modelling import WaveEngine
from datagen.velocity import draw_velocity
from trials.settings.config import load
data = load(Path("presets/quickstart.yml")).data
WaveEngine(data).shoot_and_migrate(draw_velocity(data, 0)[None])
"""


def run(data: Data, models: int, workers: int, shard_size: int) -> dict[str, float]:
    """Makes the first models of `data` again, in a folder that is then removed."""
    with tempfile.TemporaryDirectory() as folder:
        split = Split(train=models - 2, validation=1, test=1)
        begun = replace(data, folder=folder, split=split, shard_size=shard_size)
        seconds = generate(begun, workers=workers, progress=sys.stderr.isatty()).seconds
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
    parent, child = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {"seconds": seconds, "parent_MB": parent / 1024, "worker_MB": child / 1024, "disk_MB": size / 1e6}


def in_own_process(preset: str, models: int, workers: int, shard_size: int) -> dict[str, float]:
    """`run` in a process that has loaded what `generate` needs and no more."""
    arguments = [preset, *map(str, (models, workers, shard_size))]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, __file__, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(done.stdout))


def time_rounds(preset: str, models: int, workers: int, shard_size: int, rounds: int) -> dict[str, Any]:
    """A row: medians of some runs."""
    runs = [in_own_process(preset, models, workers, shard_size) for _ in range(rounds)]
    row: dict[str, Any] = {"preset": preset, "models": models, "workers": workers}
    row |= {key: float(np.median([each[key] for each in runs])) for key in runs[0]}
    row["rounds"] = [60 * models / each["seconds"] for each in runs]
    return row | {"models_per_min": 60 * models / row["seconds"]}


def end_to_end(preset: str, data: Data, rounds: int, quick: bool) -> dict[str, Any]:
    models = 16 if quick else MODELS[preset]
    size = min(data.shard_size, models // 4 // 8 * 8 or 8)  # several shards, as in a long run
    return time_rounds(preset, models, 2, size, rounds) | {"job": "generate"}


def against_workers(preset: str, data: Data, rounds: int, quick: bool) -> Iterator[dict[str, Any]]:
    for workers in (1, 2) if quick else (1, 2, 4):
        models = 32 if quick else MODELS[preset]
        yield time_rounds(preset, models, workers, data.shard_size, rounds) | {"job": "workers"}


def against_models(preset: str, data: Data, models: int) -> dict[str, Any]:
    return time_rounds(preset, models, 2, data.shard_size, 1) | {"job": "models"}


def start(rounds: int) -> dict[str, Any]:
    """Seconds until a new process has its first image: with an empty cache of operators, and with a filled one."""
    cold, warm = [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as cache:
            environment = os.environ | {"XDG_CACHE_HOME": cache, "PYTHONPATH": str(ROOT)}
            for seconds in (cold, warm, warm):
                begun = time.perf_counter()
                subprocess.run([sys.executable, "-c", FIRST_IMAGE], cwd=ROOT, env=environment, check=True)
                seconds.append(time.perf_counter() - begun)
    row: dict[str, Any] = {"preset": "quickstart", "job": "start", "cold_rounds": cold, "warm_rounds": warm}
    return row | {"cold_seconds": float(np.median(cold)), "warm_seconds": float(np.median(warm))}


if __name__ == "__main__":
    name, *numbers = sys.argv[1:]
    sys.stdout.write(json.dumps(run(load(ROOT / "presets" / f"{name}.yml").data, *map(int, numbers))))
