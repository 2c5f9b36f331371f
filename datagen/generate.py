"""Making a data set: shards that are missing are made by worker processes, those that are there are verified.

    layout ─► shards not in the manifest ─► chunks ─► workers ─► shard files ─► manifest

Every sample is a function of the configuration and its index.  So a run that was stopped goes on where it
stopped, and ends with the same bits for any number of workers.
"""

import errno
import logging
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import joblib
from filelock import FileLock, Timeout

from datagen.chunk import Chunk, Engine, Made, chunks_of, make_chunk
from datagen.config import Data
from datagen.errors import InputError
from datagen.farm import farm
from datagen.modelling import WaveEngine
from datagen.progress import models_bar
from datagen.shard_writer import ShardWriter, check_disk
from datagen.shards import (
    Manifest,
    Shard,
    ShardRecord,
    check_files,
    layout,
    read_manifest,
    require_same,
    save_manifest,
    verify,
)
from datagen.velocity_files import pinned

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Generated:
    """What one call of `generate` did."""

    made: int  # models
    skipped: int  # models that were there, verified
    seconds: float


def generate(
    data: Data,
    *,
    workers: int | None = None,
    progress: bool = True,
    wait: bool = False,
    engine: Callable[[Data], Engine] = WaveEngine,
) -> Generated:
    """Makes the shards of `data` that are missing in its folder and verifies those that are there.

    `workers` processes of one thread, by default one a core.  `wait` while another process generates there.

    Raises InputError: another process is generating (without `wait`), the folder holds another data set or a
    damaged shard or an imported one that is not whole, the velocity file cannot be used, the disk is or gets
    full, or the engine refuses the configuration.  Finished shards stay.
    """
    data = _settled(data)

    def maker() -> Callable[[Chunk], Made]:
        if data.imported:
            raise InputError(
                f"data.folder: shards of the imported data set {data.folder} are missing; "
                f"`seisnas import {data.imported.source} -o {data.folder}` and your preset make them again"
            )
        return partial(make_chunk, pinned(data), engine(data))

    return make_shards(data, maker, workers=workers, progress=progress, wait=wait)


def make_shards(
    data: Data,
    maker: Callable[[], Callable[[Chunk], Made]],
    *,
    workers: int | None = None,
    progress: bool = True,
    wait: bool = False,
) -> Generated:
    """As `generate`; chunks are made by what `maker` gives, which is asked only if a shard is missing."""
    start = time.monotonic()
    folder = Path(data.folder)
    with _one_generator(folder, wait), _full_disk_is_an_input_error(folder):
        manifest = _resume(data)
        skipped = sum(record.shard.models for record in manifest.shards)
        finished = {record.shard.number for record in manifest.shards}
        shards = [shard for shard in layout(data) if shard.number not in finished]
        if shards:
            check_disk(data, shards)
            with closing(_made_shards(data, shards, maker(), workers, progress)) as records:
                for record in records:
                    manifest = _with(manifest, record)
                    save_manifest(folder, manifest)
    done = Generated(made=data.split.total - skipped, skipped=skipped, seconds=time.monotonic() - start)
    log.info("%s: %d models made, %d were there, %.1f s", folder, done.made, skipped, done.seconds)
    return done


def _settled(data: Data) -> Data:
    """`data` with the checksum and range of its velocity file, or the imported data set that is in its folder."""
    manifest = read_manifest(data.folder)
    if manifest is None:
        return pinned(data)
    require_same(manifest, data)
    if manifest.data.velocity_file and data.velocity_file:
        there = replace(manifest.data.velocity_file, path=data.velocity_file.path)
        return replace(data, velocity_file=there)
    return replace(manifest.data, folder=data.folder)


def ensure(data: Data) -> None:
    """Sees to it that the data set is there, whole and verified; makes what is missing.

    Waits while another process makes it.  Raises InputError as `generate`.
    """
    manifest = read_manifest(data.folder)
    if manifest is not None and len(manifest.shards) == len(layout(manifest.data)):
        verify(data)  # reads only: a finished data set may lie where one cannot write
    else:
        generate(data, wait=True)


def _resume(data: Data) -> Manifest:
    """The manifest with the shards that are finished; removes what an interrupted run left half-made."""
    folder = Path(data.folder)
    manifest = read_manifest(folder) or Manifest(data=replace(data, folder=""), versions=_versions())
    require_same(manifest, data)
    for leftover in folder.glob("*.tmp"):
        leftover.unlink()
    present = [
        record for record in manifest.shards if all((folder / file.name).exists() for file in record.files.values())
    ]
    for record in present:
        check_files(folder, record)
    return replace(manifest, shards=tuple(present))


def _made_shards(
    data: Data, shards: list[Shard], make: Callable[[Chunk], Made], workers: int | None, progress: bool
) -> Generator[ShardRecord]:
    """Makes the shards, some at the same time, and yields each when its files are in place."""
    chunks = [chunk for shard in shards for chunk in chunks_of(shard)]
    workers = min(workers or joblib.cpu_count(), len(chunks))
    writers: dict[int, ShardWriter] = {}
    try:
        with (
            models_bar(sum(shard.models for shard in shards), progress) as advance,
            closing(farm(make, chunks, workers)) as results,
        ):
            for made in results:
                number = made.chunk.shard.number
                if number not in writers:
                    writers[number] = ShardWriter(data, made.chunk.shard)
                writers[number].write(made.chunk.offset, made.arrays, made.statistics)
                advance(made.chunk.models)
                if writers[number].full:
                    yield writers[number].finish()
                    del writers[number]
    finally:
        for writer in writers.values():
            writer.discard()


def _with(manifest: Manifest, record: ShardRecord) -> Manifest:
    shards = sorted((*manifest.shards, record), key=lambda each: each.shard.number)
    return replace(manifest, shards=tuple(shards))


def _versions() -> dict[str, str]:
    found = {}
    for package in ("seisnas", "devito", "numpy", "scipy", "scikit-image"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # this program itself, run from a clone that is not installed
            continue
    return found


@contextmanager
def _one_generator(folder: Path, wait: bool) -> Iterator[None]:
    """Holds the folder's lock; the system lets go of it when the process ends, however that happens."""
    lock = FileLock(folder / ".lock", timeout=-1 if wait else 0)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise InputError(
            f"data.folder: another process is generating into {folder}; wait for it or choose another data.folder"
        ) from None
    except OSError as error:
        raise InputError(
            f"data.folder: cannot write to {folder}: {error.strerror}; choose another data.folder"
        ) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _full_disk_is_an_input_error(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise InputError(
            f"data.folder: the disk of {folder} is full; free some space and run the same command again, "
            "finished shards are kept"
        ) from None
