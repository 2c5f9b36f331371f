"""Does what works for a thousand models work for a hundred thousand?

    python benchmarks/bench_scale.py data --work runs/scale
    python benchmarks/bench_scale.py writer
    python benchmarks/bench_scale.py manifest
    python benchmarks/bench_scale.py training

data       Small models, made by the workers of a dask cluster on this machine.  After a third of them one worker is
           killed for good, after two thirds the generator itself, which is then started again.  A row each tenth:
           rate, and memory of generator and workers.  The first shards are made once more in one process and compared.
writer     Processor time of the one process that collects and writes, beside that of the workers: how many of them it
           keeps busy.  Of the models of presets.
manifest   What the list of finished shards costs, against their number: it is written after each of them.
training   Samples a second of `seisnas tune` in one process with one and two threads, and in two processes.

    results/scale_data.json, scale_writer.json and so on, and .md of each; docs/scale.md reckons with them
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Annotated

import psutil
import typer
import yaml
from lib.record import ROOT, Record, Row
from pydantic import TypeAdapter

from datagen.config import Data, Geology, Grid, Split, Survey
from datagen.files.whole_files import file_sha256
from datagen.generate import generate
from datagen.shards.manifest import (
    FileRecord,
    Manifest,
    ShardRecord,
    Statistics,
    layout,
    load_manifest,
    read_manifest,
    save_manifest,
    stored_kinds,
    verify,
)
from trials.settings.config import load

COMMAND = "python benchmarks/bench_scale.py"
SEISNAS = [str(Path(sys.executable).with_name("seisnas"))]
SECOND = 1.0  # between two looks
COMPARED = 4  # shards
QUICKSTART = ROOT / "presets" / "quickstart.yml"
TRAINED, EPOCHS = 400, 4  # models, and epochs beyond the first, which is left out with the start
NETWORKS = {
    "U-Net of 5 scales, width 16": ["network.model=unet", "network.width=16", "network.depth=5"],
    "U-Net of 4 scales, width 6": ["network.model=unet", "network.width=6", "network.depth=4"],
}
SMALL = Data(
    folder="",
    seed=9,
    split=Split(train=1, validation=1, test=1),
    grid=Grid(nz=24, nx=24, spacing=10.0),
    geology=Geology(layers=(3, 6)),
    survey=Survey(shots=1, receivers=24, frequency=15.0, interval=0.001, samples=200),
    shard_size=200,
    dtype="float16",
)

app = typer.Typer(help=__doc__)
Work = Annotated[Path, typer.Option(help="Where the data set is made; removed by hand.")]


@app.command()
def data(
    models: Annotated[int, typer.Option(min=2000)] = 100_000, workers: int = 3, work: Work = Path("runs/scale")
) -> None:
    folder = work / "data"
    wanted = replace(SMALL, folder=str(folder), split=Split(train=models - 400, validation=200, test=200))
    record = Record("scale_data", f"{models:,} models from a dask cluster", f"{COMMAND} data --models {models}")
    record.rows = []
    with dask_cluster(workers, work) as (address, processes):
        for row in streamed(wanted, address, processes, work):
            record.add(row)
    begun = time.monotonic()
    verify(load_manifest(folder), wanted)
    record.add({"what": "all checksums verified", "seconds": time.monotonic() - begun, "models": models})
    record.add({"what": f"shards of {COMPARED} with the bits of one process", "models": same_bits(wanted)})


def streamed(wanted: Data, address: Path, workers: list[psutil.Process], work: Path) -> Iterator[Row]:
    """Rows while the data set is made."""
    preset = work / "scale.yml"
    recipe = json.loads(TypeAdapter(Data).dump_json(wanted, exclude_none=True))
    preset.write_text(yaml.safe_dump({"name": "scale", "data": recipe}))
    command = [*SEISNAS, "generate", "--preset", str(preset), "--dask", str(address)]
    total, begun, shown, events = wanted.split.total, time.monotonic(), 0, ["a worker", "the generator"]
    generator = psutil.Popen(command, cwd=ROOT)
    last = begun, 0
    while generator.poll() is None:
        time.sleep(SECOND)
        made = SMALL.shard_size * (len(list(Path(wanted.folder).glob("model*.npy"))))
        killed = ""
        if len(events) == 2 and made > total / 3:
            killed = events.pop(0)
            workers.pop().kill()
        elif len(events) == 1 and made > total * 2 / 3:
            killed = events.pop(0)
            generator.kill()
            generator.wait()
            generator = psutil.Popen(command, cwd=ROOT)
        elif made < shown * total / 10:
            continue
        now = time.monotonic()
        yield {
            "what": f"{killed} is killed" if killed else "under way",
            "seconds": now - begun,
            "models": made,
            "models_per_second": (made - last[1]) / (now - last[0]),
            "generator_MB": resident([generator]),
            "largest_worker_MB": resident(workers),
            "workers": len(workers),
        }
        last, shown = (now, made), int(10 * made / total) + 1
    if generator.returncode != 0:
        raise SystemExit(f"generate ended with {generator.returncode}")
    yield {"what": "done", "seconds": time.monotonic() - begun, "models": total}


@contextmanager
def dask_cluster(workers: int, work: Path) -> Iterator[tuple[Path, list[psutil.Process]]]:
    """Scheduler file and workers, on the loopback interface."""
    work.mkdir(parents=True, exist_ok=True)
    address = work / "scheduler.json"
    address.unlink(missing_ok=True)
    dask, quiet = [sys.executable, "-m", "dask"], {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    here = ["--host", "127.0.0.1", "--scheduler-file", str(address), "--no-dashboard"]
    scheduler = psutil.Popen([*dask, "scheduler", *here, "--port", "0"], **quiet)
    alone = ["--nthreads", "1", "--no-nanny", "--local-directory", str(work)]
    started: list[psutil.Process] = []
    try:
        while not address.exists():
            time.sleep(SECOND)
        started += [psutil.Popen([*dask, "worker", *here, *alone], cwd=ROOT, **quiet) for _ in range(workers)]
        yield address, list(started)
    finally:
        for process in (*started, scheduler):
            process.kill()
            process.wait()


def resident(processes: Sequence[psutil.Process]) -> float:
    """Of the largest of them, its children included [MB]."""
    sizes = [0]
    for process in processes:
        try:
            family = [process, *process.children(recursive=True)]
            sizes.append(sum(each.memory_info().rss for each in family))
        except psutil.NoSuchProcess:
            continue
    return round(max(sizes) / 1e6)


def same_bits(wanted: Data) -> int:
    """How many of the first shards one process makes with the same bits."""
    with TemporaryDirectory() as folder:
        split = Split(train=COMPARED * SMALL.shard_size, validation=1, test=1)
        generate(replace(wanted, folder=folder, split=split), workers=1, progress=False)
        names = [[f"{kind}{number}.npy" for kind in stored_kinds(wanted)] for number in range(1, COMPARED + 1)]
        return sum(
            all(file_sha256(Path(folder) / name) == file_sha256(Path(wanted.folder) / name) for name in files)
            for files in names
        )


@app.command()
def writer(models: Annotated[int, typer.Option(min=16)] = 400, work: Work = Path("runs/scale")) -> None:
    record = Record("scale_writer", "One process collects and writes what all workers make", f"{COMMAND} writer")
    record.rows = []
    for preset in ("quickstart", "openfwi"):
        wanted = load(ROOT / f"presets/{preset}.yml").data
        with TemporaryDirectory() as folder, dask_cluster(2, work) as (address, workers):
            for name, count in (("first", 64), ("second", models)):  # what is done once, imports and so on, counts not
                split = Split(train=count - 16, validation=8, test=8)
                before = [busy(each) for each in ([psutil.Process()], workers)]
                generate(replace(wanted, folder=f"{folder}/{name}", split=split), dask=str(address), progress=False)
                after = [busy(each) for each in ([psutil.Process()], workers)]
            size = sum(file.stat().st_size for file in Path(folder, "second").iterdir())
        wrote, made = ((b - a) / models for a, b in zip(before, after, strict=True))
        record.add(
            {
                "preset": preset,
                "models": models,
                "megabytes_per_model": size / models / 1e6,
                "worker_ms": 1000 * made,
                "writer_ms": 1000 * wrote,
                "workers_kept_busy": round(made / wrote),
            }
        )


def busy(processes: Sequence[psutil.Process]) -> float:
    """Processor time so far [s]."""
    return sum(sum(process.cpu_times()[:2]) for process in processes)


@app.command()
def manifest() -> None:
    record = Record("scale_manifest", "What the list of finished shards costs", f"{COMMAND} manifest")
    record.rows = []
    statistics = Statistics(shot_scale=1.0, image_scale=1.0, velocity_min=1500.0, velocity_max=4500.0)
    for shards in (100, 1000, 5000, 12_000):
        wanted = replace(SMALL, split=Split(train=200 * (shards - 2), validation=200, test=200))
        records = tuple(
            ShardRecord(
                shard=shard,
                files={
                    kind: FileRecord(name=f"{kind}{shard.number}.npy", bytes=1_920_128, sha256="0" * 64)
                    for kind in stored_kinds(wanted)
                },
                statistics=statistics,
            )
            for shard in layout(wanted)
        )
        whole = Manifest(data=wanted, versions={}, shards=records)
        with TemporaryDirectory() as folder:
            written = [timed(lambda: save_manifest(Path(folder), whole)) for _ in range(5)]  # noqa: B023
            read = [timed(lambda: read_manifest(folder)) for _ in range(5)]
            size = sum(file.stat().st_size for file in Path(folder).iterdir())
        record.add(
            {
                "shards": shards,
                "megabytes": size / 1e6,
                "written_ms": 1000 * median(written),
                "read_ms": 1000 * median(read),
            }
        )


def timed(work: Callable[[], object]) -> float:
    """[s]"""
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


@app.command()
def training(work: Work = Path("runs/scale"), rounds: int = 1) -> None:
    record = Record("scale_training", "One training in several processes", f"{COMMAND} training")
    record.rows = []
    begin = [f"data.folder={work / 'training'}", f"data.split.train={TRAINED}"]
    generate(load(QUICKSTART, dict(each.split("=") for each in begin)).data)
    for name, model in NETWORKS.items():
        rates: dict[tuple[int, int], list[float]] = {(1, 1): [], (1, 2): [], (2, 1): []}
        for _ in range(rounds):
            for (processes, threads), found in rates.items():
                settings = [*begin, *model, f"devices={processes}"]
                one, all_ = (trained(settings, threads, epochs) for epochs in (1, 1 + EPOCHS))
                found.append(EPOCHS * TRAINED / (all_ - one))
        for (processes, threads), found in rates.items():
            row: Row = {"network": name, "processes": processes, "threads_each": threads}
            record.add(row | {"samples_per_second": median(found), "slowest": min(found), "fastest": max(found)})


def trained(settings: list[str], threads: int, epochs: int) -> float:
    """Seconds of a training of so many epochs, start included."""
    with TemporaryDirectory() as run:
        changes = [part for each in (*settings, f"tune.epochs={epochs}") for part in ("--set", each)]
        command = [*SEISNAS, "tune", "--preset", str(QUICKSTART), "--run", f"{run}/run", *changes]
        environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
        return timed(lambda: subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True))


if __name__ == "__main__":
    app()
