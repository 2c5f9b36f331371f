"""Training models in the memory of the device, in half precision: as many as have been made so far.

finished shards ── a thread, as they come ──► shots [M, S, T, R], targets [M, 1, Z, X] ──► batches, mirrored by half
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from math import prod
from pathlib import Path
from shutil import disk_usage

import psutil
import torch
from torch import Tensor

from datagen.config import Data
from datagen.shards.manifest import ShardRecord, Statistics, array_format, open_array, read_manifest
from datagen.targets import make_target
from datagen.waves.positions import MIRROR_TOLERANCE, asymmetry

TARGETS = ("velocity", "rtm")
DISK_SHARE, MEMORY_SHARE = 0.8, 0.6  # of what is free
MOST_MODELS = 1_000_000
PERIOD = 0.5  # [s] between looks for new shards

Batch = tuple[Tensor, dict[str, Tensor]]


def room(data: Data, work: Path, device: torch.device) -> int:
    """How many models the disk and the memory of the device have room for."""
    formats = [array_format(data, kind, 1) for kind in ("data", "model", "image")]
    held = sum(2 * prod(shape) for _, shape in formats)
    stored = sum(dtype.itemsize * prod(shape) for dtype, shape in formats)
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else psutil.virtual_memory().available
    fit = min(MEMORY_SHARE * free / held, DISK_SHARE * disk_usage(work).free / stored, MOST_MODELS)
    return max(data.shard_size, int(fit))


class Pool:
    """Holds up to `capacity` models of `data`; `models` of them are there.

    A target is scaled with `statistics`, so that all networks, here and in other benchmarks, predict the same.
    """

    def __init__(
        self, data: Data, statistics: Statistics, capacity: int, device: torch.device, *, mirror: bool
    ) -> None:
        self.data, self.statistics, self.device = data, statistics, device
        self.mirror = mirror and asymmetry(data) <= MIRROR_TOLERANCE
        self.models = 0
        self.rate: float | None = None  # [models/s] at which new ones came in, up to the last

        def empty(kind: str) -> Tensor:
            _, (_, *shape) = array_format(data, kind, 1)  # type: ignore[arg-type]
            return torch.empty(capacity, *shape, dtype=torch.half, device=device)

        self.shots = empty("data")
        self.scales = {name: make_target(name, self.statistics) for name in TARGETS}
        self.targets = {name: empty(scale.stored_as) for name, scale in self.scales.items()}

    def add(self, folder: Path, record: ShardRecord) -> None:
        """The models of a finished shard; those beyond the capacity are left out."""
        first, last = self.models, min(self.models + record.shard.models, len(self.shots))
        rows = slice(0, last - first)
        shots_MSTR = torch.from_numpy(open_array(folder, self.data, record, "data")[rows].copy())
        self.shots[first:last].copy_(shots_MSTR)
        for name, targets in self.targets.items():
            scale = self.scales[name]
            stored = torch.from_numpy(open_array(folder, self.data, record, scale.stored_as)[rows].copy())
            targets[first:last].copy_(scale.label(stored))
        if self.device.type == "cuda":
            torch.cuda.current_stream(self.device).synchronize()
        self.models = last  # only now: who trains reads no row that is not written

    def batch(self, rows: Tensor, targets: Sequence[str]) -> Batch:
        """Shots [B, S, T, R] and targets [B, 1, Z, X], float32.

        The first half is mirrored: rows come shuffled, so that is any half.
        """
        shots_BSTR = self.shots[rows].float()
        target_B1ZX = {name: self.targets[name][rows].float() for name in targets}
        if self.mirror:
            half = len(rows) // 2
            shots_BSTR[:half] = shots_BSTR[:half].flip(1, 3)
            for target in target_B1ZX.values():
                target[:half] = target[:half].flip(3)
        return shots_BSTR, target_B1ZX


class Order:
    """Rows of the pool, shuffled; each pass goes over the models that are there when it begins."""

    def __init__(self, pool: Pool, seed: int) -> None:
        self.pool, self.draws = pool, torch.Generator(pool.device).manual_seed(seed)
        self.rows, self.used = torch.empty(0, dtype=torch.int64, device=pool.device), 0

    def next(self, batch: int) -> Tensor:
        batch = min(batch, self.pool.models)
        if self.used + batch > len(self.rows):
            self.rows = torch.randperm(self.pool.models, generator=self.draws, device=self.pool.device)
            self.used = 0
        self.used += batch
        return self.rows[self.used - batch : self.used]


@contextmanager
def filling(pool: Pool, folders: Sequence[Path]) -> Iterator[None]:
    """A thread puts the training shards of `folders` into the pool as they are finished."""
    end = threading.Event()
    thread = threading.Thread(target=_fill, args=(pool, folders, end), daemon=True)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def _fill(pool: Pool, folders: Sequence[Path], end: threading.Event) -> None:
    start, already, known = 0.0, 0, set[tuple[Path, int]]()
    # A stream of its own: copies do not wait for the training steps that are queued, nor these for them.
    stream = torch.cuda.Stream(pool.device) if pool.device.type == "cuda" else None
    with torch.cuda.stream(stream) if stream else nullcontext():
        while pool.models < len(pool.shots):
            for folder in folders:
                manifest = read_manifest(folder)
                for record in manifest.of_split("train") if manifest else ():
                    if (folder, record.shard.number) not in known and not end.is_set():
                        known.add((folder, record.shard.number))
                        pool.add(folder, record)
                        pool.rate = (pool.models - already) / (time.monotonic() - start) if start else None
            if not start:  # what the first look found was there before
                start, already = time.monotonic(), pool.models
            if end.wait(PERIOD):
                return
