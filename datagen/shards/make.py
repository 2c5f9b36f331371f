"""Writes a data set: makes missing shards and verifies existing ones.

    layout ─► shards not in the manifest ─► chunks ─► workers ─► shard files ─► manifest

One process at a time writes into a folder; finished shards stay, however a run ends.
"""

import logging
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import FileLock, Timeout

from datagen.config import Data
from datagen.errors import InputError
from datagen.files.outputs import check_folder
from datagen.files.whole_files import temporary_path
from datagen.files.writing import reported
from datagen.full_disk import report_unwritable
from datagen.shards.chunk import Chunk, Made, split_into_chunks
from datagen.shards.farm import cores, farm
from datagen.shards.manifest import (
    FILE_NAME,
    MANIFEST,
    Manifest,
    Shard,
    ShardRecord,
    check_files,
    layout,
    package_versions,
    read_manifest,
    require_same,
    save_manifest,
    stored_kinds,
)
from datagen.shards.progress import models_bar
from datagen.shards.writer import ShardWriter, check_disk

log = logging.getLogger(__name__)

LOCK = ".lock"  # in the folder of every data set that was begun
GRACE = 2.0  # [s] to wait for the folder: the workers of a killed run hold it until they notice its end
KEPT = "finished shards are kept"

MakeAll = Callable[[list[Chunk]], Generator[Made]]
"""Makes the chunks, in no order."""


@dataclass(frozen=True, kw_only=True)
class Generated:
    """What one call did."""

    made: int  # models
    skipped: int  # models already there, verified
    seconds: float


def processes(make: Callable[[Chunk], Made], workers: int | None) -> MakeAll:
    """`make` in `workers` single-threaded processes, by default one per core."""
    return lambda chunks: farm(make, chunks, min(workers or cores(), len(chunks)))


def make_shards(
    data: Data,
    worker_pool: Callable[[], AbstractContextManager[MakeAll]],
    *,
    progress: bool,
    wait: bool = False,
    report: Callable[[str], object] = log.info,
    inputs: Sequence[str | Path] = (),
) -> Generated:
    """As `generate.generate`; `worker_pool` makes the chunks, and is entered only if a shard is missing.

    Raises InputError too: one of the files to be written is one of `inputs`, or somebody else's.
    """
    start = time.monotonic()
    folder = Path(data.folder)
    _keep_others(data, inputs)
    with _one_generator(folder, wait), report_unwritable(folder, KEPT, "data.folder"):
        manifest = _resume(data)
        skipped = sum(record.shard.models for record in manifest.shards)
        finished = {record.shard.number for record in manifest.shards}
        shards = [shard for shard in layout(data) if shard.number not in finished]
        if shards:
            need = check_disk(data, shards)
            with worker_pool() as make_all, closing(_made_shards(data, shards, make_all, progress)) as records:
                report(need)
                for record in records:
                    manifest = _with(manifest, record)
                    save_manifest(folder, manifest)
    done = Generated(made=data.split.total - skipped, skipped=skipped, seconds=time.monotonic() - start)
    log.info("%s: %d models made, %d were there, %.1f s", folder, done.made, skipped, done.seconds)
    return done


def _keep_others(data: Data, inputs: Sequence[str | Path]) -> None:
    """Raises InputError if shards would replace inputs, or files in a folder where no data set was ever begun."""
    folder = Path(data.folder)
    names = [FILE_NAME.format(kind=kind, number=shard.number) for shard in layout(data) for kind in stored_kinds(data)]
    with reported(folder):
        check_folder(folder, names, inputs)
        begun = any((folder / name).exists() for name in (LOCK, MANIFEST))
        there = [] if begun else [name for name in names if (folder / name).exists()]
    if there:
        raise InputError(
            f"data.folder: {folder} holds {there[0]}, which is of no data set made here; choose another data.folder"
        )


def _resume(data: Data) -> Manifest:
    """The manifest with the finished shards; removes what an interrupted run left half-made."""
    folder = Path(data.folder)
    manifest = read_manifest(folder) or Manifest(data=replace(data, folder=""), versions=package_versions())
    require_same(manifest, data)
    for leftover in folder.glob(temporary_path(folder / "*").name):
        leftover.unlink()
    present = [
        record for record in manifest.shards if all((folder / file.name).exists() for file in record.files.values())
    ]
    for record in present:
        check_files(folder, record)
    return replace(manifest, shards=tuple(present))


def _made_shards(data: Data, shards: list[Shard], make_all: MakeAll, progress: bool) -> Generator[ShardRecord]:
    """Makes the shards, some in parallel, and yields each when its files are in place."""
    chunks = [chunk for shard in shards for chunk in split_into_chunks(shard)]
    writers: dict[int, ShardWriter] = {}
    try:
        with (
            models_bar(sum(shard.models for shard in shards), progress) as advance,
            closing(make_all(chunks)) as results,
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


@contextmanager
def _one_generator(folder: Path, wait: bool) -> Iterator[None]:
    """Holds the folder's lock; the system releases it when the process ends, however that happens."""
    lock = FileLock(folder / LOCK, timeout=-1 if wait else GRACE)
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
