"""One short run on a big GPU: models are made on all cores, networks are trained on what is there already.

    python benchmarks/campaign.py --minutes 8 [--preset presets/openfwi.yml] [--networks small/velocity,small/rtm]

The preset's own data set comes first, as every other benchmark has it: its statistics, its validation and test splits.
Then a pool of training models grows beside the training, from the next seed (lib/campaign_data.py), until disk or
memory is full.  The networks of lib/campaign_networks.py are trained one after the other, each for its share of the
minutes (lib/campaign_train.py).  A row is written after each, so that a cut costs one network; SIGTERM makes a row too,
saves the state and ends.  The same command again trains what is missing, and goes on with the one that was cut.

    OUT    gpu.json, gpu.md, gpu.png (campaign_cpu.* where there is no GPU) and weights/*.safetensors of small networks
    WORK   data and states: a folder in memory, such as /dev/shm/campaign, if it is large enough

On a machine with one GPU and without network, which has Python 3.12, torch, torchvision, NumPy, SciPy, scikit-image,
SymPy, psutil, py-cpuinfo, multidict, filelock, joblib, threadpoolctl, safetensors, PyYAML, rich, typer, Matplotlib and
nvidia-ml-py: bring what Devito and the configuration need besides, 3.7 MB.  Here, on a machine with network:

    pip download -d wheels --no-deps --only-binary=:all: --python-version 3.12 --implementation cp \\
        --platform manylinux_2_28_x86_64 --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 \\
        devito==4.8.23 anytree==2.13.0 pytools==2026.1.1 siphash24==1.9 platformdirs==4.14.7 pydantic==2.14.3 \\
        pydantic_core==2.50.4 annotated-types==0.8.0 typing-inspection==0.4.5 typing-extensions==4.16.0
    pip wheel -w wheels --no-deps cgen==2025.1 codepy==2023.1        # these two have no wheels
    zip -qd wheels/devito-*.whl 'examples/*'                         # 35 MB of notebooks

There, from the project's folder with `wheels` in it:

    python3 -m pip install -q --no-index --no-deps --no-compile --target /tmp/site wheels/*.whl
    PYTHONPATH=/tmp/site:$PWD python3 benchmarks/campaign.py --minutes 8 --work /dev/shm/campaign --out results

Neither NNI nor Lightning nor segyio, scikit-fmm and obspy are needed.  Without Devito or a C compiler there are no new
models: `--fallback FOLDER` is a finished data set, brought along, that is trained on then.
"""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Annotated, Any

import torch
import typer
from lib.campaign_data import making, pool_data, preset_data, wait_for_preset
from lib.campaign_machine import found, matrix_rate, why_no_models
from lib.campaign_networks import CONTESTANTS, Contestant
from lib.campaign_page import Page
from lib.campaign_pool import Pool, filling, room
from lib.campaign_state import save_weights
from lib.campaign_train import Lesson, train
from lib.record import RESULTS, made_by

from datagen.errors import InputError
from datagen.shards.manifest import load_manifest
from trials.settings.config import load
from trials.training.precision import fast_in_bfloat16

START = time.monotonic()
TERMINATED = 128 + signal.SIGTERM
NICENESS = 5  # of the generator: the process that feeds the GPU comes first
BACKWARDS = 3  # FLOPs of a training step over those of its forward pass


def main(
    minutes: Annotated[float, typer.Option(help="All in all, but for the scores of the last network.")],
    preset: Annotated[Path, typer.Option()] = Path("presets/openfwi.yml"),
    networks: Annotated[str, typer.Option(help="Some of them, as small/rtm,unet/rtm; none: all.")] = "",
    models: Annotated[int, typer.Option(help="Of the pool; 0: as many as disk and memory hold.")] = 0,
    workers: Annotated[int, typer.Option(help="Processes that make models; 0: one a core.")] = 0,
    work: Annotated[Path, typer.Option(help="Data and states.")] = Path("runs/campaign"),
    out: Annotated[Path, typer.Option(help="Results and weights.")] = RESULTS,
    fallback: Annotated[str, typer.Option(help="Finished data set, where no models can be made.")] = "",
    commit: Annotated[str, typer.Option(help="Of this tree, where git cannot tell.")] = "",
) -> None:
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.backends.cudnn.benchmark = True
    facts = found(device)
    say(", ".join(f"{name} {value}" for name, value in facts.items()))
    try:
        wanted = chosen(networks)
        with lessons(preset, work, models, workers, fallback, device, stop) as lesson:
            head = made_by(machine=facts) | {"preset": str(preset), "minutes": minutes}
            head["commit"] = commit or head["commit"]
            teach(wanted, lesson, Page(out, "gpu" if device.type == "cuda" else "campaign_cpu"), head, 60 * minutes)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    if stop.is_set():
        sys.exit(TERMINATED)


def say(line: str) -> None:
    print(f"{time.monotonic() - START:7.1f} s  {line}", flush=True)


def chosen(networks: str) -> list[Contestant]:
    """Those whose labels are named, in the order of the table; all of them if none is."""
    known = {contestant.label: contestant for contestant in CONTESTANTS}
    wanted = networks.split(",") if networks else list(known)
    unknown = [label for label in wanted if label not in known]
    if unknown:
        raise InputError(f"--networks: got {', '.join(unknown)}; known: {', '.join(known)}")
    return [contestant for label, contestant in known.items() if label in wanted]


@contextmanager
def lessons(
    preset: Path, work: Path, models: int, workers: int, fallback: str, device: torch.device, stop: Event
) -> Iterator[Lesson]:
    """What is trained on, from the moment when there is something; models are made until the context ends.

    Raises InputError if none can be made and there is no `fallback`, or as the generator.
    """
    config, problem = load(preset), why_no_models()
    work.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        if problem is None:
            own, more = preset_data(config, work), pool_data(config, work, models or room(config.data, work, device))
            folders, capacity = [Path(own.folder), Path(more.folder)], own.split.train + more.split.train
            say(f"{own.split.total} models of the preset, then up to {more.split.train} for the pool")
            niceness = NICENESS if device.type == "cuda" else 0
            maker = stack.enter_context(making(preset, work, more.split.train, workers, niceness))
            wait_for_preset(own, maker, stop)
            if stop.is_set():
                sys.exit(TERMINATED)
        elif fallback:
            own = replace(load_manifest(fallback).data, folder=fallback)
            folders, capacity = [Path(fallback)], own.split.train
            say(f"{problem}: no new models, the {capacity} of {fallback} are trained on")
        else:
            raise InputError(f"{problem}: no models can be made here; bring a finished data set, --fallback FOLDER")
        config = replace(config, data=own)
        pool = Pool(own, load_manifest(own.folder).statistics, capacity, device, mirror=config.training.mirror)
        stack.enter_context(filling(pool, folders))
        while not pool.models and not stop.is_set():
            time.sleep(0.05)
        yield Lesson(config=config, data=own.folder, pool=pool, work=work, stop=stop, say=say)


def teach(wanted: list[Contestant], lesson: Lesson, page: Page, head: dict[str, Any], seconds: float) -> None:
    """Trains those without a row, one after the other, and writes a row after each."""
    limit = matrix_rate(lesson.device, torch.bfloat16 if fast_in_bfloat16(lesson.device) else torch.float32)
    say(f"matrix product {limit / 1e12:.3g} TFLOP/s, {lesson.pool.models} models to begin with")
    head = head | {"matrix_product_TFLOP_per_s": limit / 1e12}
    missing = [contestant for contestant in wanted if not page.has(contestant.label)]
    for place, contestant in enumerate(missing):
        left, ready = seconds - (time.monotonic() - START), time.monotonic() - START
        if left <= 0 or lesson.stop.is_set():
            break
        share = contestant.share / sum(each.share for each in missing[place:])
        row, network = train(contestant, lesson, share * left)
        row = {"label": contestant.label, "commit": head["commit"], **row}
        row["limit_share"] = BACKWARDS * row["flops"] * row["samples_per_s"] / limit
        row |= {"models_per_s": lesson.pool.rate, "start_to_first_step_s": ready + row["first_step_s"]}
        page.add(row, head)
        say(f"{contestant.label}: {', '.join(f'{name} {row[name]:.4f}' for name in row if name.endswith('_ssim'))}")
        if contestant.kept:
            save_weights(page.file.parent / "weights" / f"{contestant.file_name}.safetensors", network)


if __name__ == "__main__":
    typer.run(main)
