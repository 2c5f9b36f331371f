"""Makes a data set from a configuration: geology or a velocity file, to shots and images, to shards.

Every sample is a function of the configuration and its index.  So an interrupted run continues where it stopped, and
ends with the same bits for any number of workers.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from datagen.config import Data
from datagen.errors import InputError
from datagen.files.velocity_files import pinned, water_on_top
from datagen.shards.chunk import Engine, make_chunk
from datagen.shards.cluster import cluster, make_on_worker
from datagen.shards.make import Generated, MakeAll, make_shards, processes
from datagen.shards.manifest import (
    Manifest,
    layout,
    load_manifest,
    package_versions,
    read_manifest,
    require_same,
    verify,
)
from datagen.waves.modelling import WaveEngine

MUCH_WATER = 0.1  # of a section's depth

log = logging.getLogger(__name__)


def generate(
    data: Data,
    *,
    workers: int | None = None,
    dask: str | None = None,
    progress: bool = True,
    wait: bool = False,
    report: Callable[[str], object] = log.info,
    engine: Callable[[Data], Engine] = WaveEngine,
) -> Generated:
    """Makes the shards of `data` that are missing in its folder and verifies those that are there.

    `workers` single-threaded processes, by default one per core; or the workers of the dask cluster at `dask`, a
    scheduler's address or file.  `wait` while another process generates there.  `report` gets the disk space needed
    and what is waited for, a line each.

    Raises InputError: another process is generating (without `wait`), the folder holds another data set or a
    damaged shard or an imported one that is not whole, the velocity file cannot be used, the disk is or gets
    full, the engine refuses the configuration, or as `cluster.cluster`.  Finished shards stay.
    """
    data = _settled(data, report)

    @contextmanager
    def worker_pool() -> Iterator[MakeAll]:
        if data.imported:
            raise InputError(
                f"data.folder: shards of the imported data set {data.folder} are missing; "
                f"`seisnas import {data.imported.source} -o {data.folder}` and your preset make them again"
            )
        wanted = pinned(data)
        if dask is None:
            yield processes(partial(make_chunk, wanted, engine(wanted)), workers)
        else:
            with cluster(dask, report) as hand_out:
                yield partial(hand_out, partial(make_on_worker, wanted, engine, package_versions()))

    inputs = [data.velocity_file.path] if data.velocity_file else []
    return make_shards(data, worker_pool, progress=progress, wait=wait, report=report, inputs=inputs)


def _settled(data: Data, report: Callable[[str], object]) -> Data:
    """`data` with the checksum and range of its velocity file, or the imported data set in its folder."""
    manifest = read_manifest(data.folder)
    if manifest is None:
        data = pinned(data)
        _tell_water(data, report)
        return data
    require_same(manifest, data)
    if manifest.data.velocity_file and data.velocity_file:
        there = replace(manifest.data.velocity_file, path=data.velocity_file.path)
        return replace(data, velocity_file=there)
    return replace(manifest.data, folder=data.folder)


def _tell_water(data: Data, report: Callable[[str], object]) -> None:
    """That sections begin with water, which is easily overlooked: nothing can be learnt from it."""
    file = data.velocity_file
    if file is None or file.top[1] > 0:
        return
    water, deep = water_on_top(file), (data.grid.nz - 1) * data.grid.spacing
    if water > MUCH_WATER * deep:
        report(
            f"velocity {file.path}: the first {water:g} m of the sections' {deep:g} m are water; "
            f"data.velocity_file.top: [{water:g}, {water:g}] begins below it"
        )


def ensure(data: Data) -> Manifest:
    """The manifest of the whole, verified data set; makes what is missing.

    Waits while another process makes it.  Raises InputError as `generate`.
    """
    manifest = read_manifest(data.folder)
    if manifest is not None and len(manifest.shards) == len(layout(manifest.data)):
        verify(manifest, data)  # only reads: a finished data set may be on a read-only disk
        return manifest
    generate(data, wait=True)
    return load_manifest(data.folder)
