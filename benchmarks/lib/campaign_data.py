"""The data of a campaign: the preset's own data set, for its statistics and its test split, and a pool that grows.

    WORK/preset   as `seisnas generate` makes it: the models that every other benchmark is trained and scored on
    WORK/pool     more training models of the same recipe, drawn from the next seed

Both are data sets of this project, made by a process of its own (campaign_make.py); the manifest of an
unfinished one names its finished shards.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event

from datagen.config import Data, Split
from datagen.errors import InputError
from datagen.shards.manifest import layout, read_manifest
from trials.settings.config import Config

BENCHMARKS = Path(__file__).parents[1]


def preset_data(config: Config, work: Path) -> Data:
    return replace(config.data, folder=str(work / "preset"))


def pool_data(config: Config, work: Path, models: int) -> Data:
    """`models` training models; a data set has the other splits too, which nobody reads here.

    A pool that is there keeps its size.
    """
    folder = work / "pool"
    there = read_manifest(folder)
    split = there.data.split if there else Split(train=models, validation=1, test=1)
    return replace(config.data, folder=str(folder), seed=config.data.seed + 1, split=split)


@contextmanager
def making(preset: Path, work: Path, models: int, workers: int, niceness: int) -> Iterator[subprocess.Popen[bytes]]:
    """The process that makes both data sets; it ends with this context, or with this process."""
    program = [sys.executable, "-m", "lib.campaign_make", str(preset), str(work), str(models), str(workers)]
    command = ["nice", "-n", str(niceness), *program]
    path = os.pathsep.join([str(BENCHMARKS), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
    process = subprocess.Popen(command, stdin=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path})
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def wait_for_preset(data: Data, maker: "subprocess.Popen[bytes]", stop: Event) -> None:
    """Until the preset's data set is whole, or `stop`.  Raises InputError if the maker ends before."""
    while not stop.is_set():
        ended = maker.poll() is not None  # before the look: what it left at its end counts
        manifest = read_manifest(data.folder)
        if manifest and len(manifest.shards) == len(layout(manifest.data)):
            return
        if ended:
            raise InputError(f"the generator ended with status {maker.returncode}; its message is above")
        time.sleep(0.1)
