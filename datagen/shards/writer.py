"""Writes one shard: chunks in any order, whole or not at all.

    data1.npy.tmp ─┐
    model1.npy.tmp ┼─ all samples written ─► fsync, SHA-256, rename ─► ShardRecord for the manifest
    image1.npy.tmp ┘

A shard exists once the manifest lists it; files without a record are made again.
"""

import math
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from datagen.config import Data
from datagen.errors import InputError
from datagen.files.whole_files import file_sha256, sync, temporary_path
from datagen.shards.manifest import (
    FILE_NAME,
    ArrayKind,
    FileRecord,
    Shard,
    ShardRecord,
    Statistics,
    array_format,
    stored_kinds,
)

HEADER_BYTES = 128  # of an .npy file of this few dimensions


class ShardWriter:
    """Takes the samples of one shard chunk by chunk."""

    def __init__(self, data: Data, shard: Shard) -> None:
        self.data, self.shard = data, shard
        self.folder = Path(data.folder)
        self._parts: dict[int, tuple[int, Statistics]] = {}  # by offset: models, their statistics
        self._streams: dict[ArrayKind, BinaryIO] = {}

    def _stream(self, kind: ArrayKind) -> BinaryIO:
        """The temporary file, made with its header on first use."""
        if kind in self._streams:
            return self._streams[kind]
        dtype, shape = array_format(self.data, kind, self.shard.models)
        stream = self._streams[kind] = open(temporary_path(self._file(kind)), "wb")  # noqa: SIM115  closed by _seal
        header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(stream, header)
        assert stream.tell() == HEADER_BYTES
        return stream

    def _file(self, kind: ArrayKind) -> Path:
        return self.folder / FILE_NAME.format(kind=kind, number=self.shard.number)

    def write(self, offset: int, arrays: Mapping[ArrayKind, NDArray[Any]], statistics: Statistics) -> None:
        """Samples `offset`, `offset + 1` … of this shard."""
        for kind, array in arrays.items():
            dtype, shape = array_format(self.data, kind, len(array))
            assert (array.dtype, array.shape) == (dtype, shape)
            self._stream(kind).seek(HEADER_BYTES + offset * array[0].nbytes)
            self._stream(kind).write(np.ascontiguousarray(array).data)
        self._parts[offset] = len(arrays["data"]), statistics

    @property
    def full(self) -> bool:
        return sum(models for models, _ in self._parts.values()) == self.shard.models

    def finish(self) -> ShardRecord:
        """Seals the files and gives them their names."""
        assert self.full
        files = {kind: self._seal(kind) for kind in stored_kinds(self.data)}
        for kind in files:
            os.replace(temporary_path(self._file(kind)), self._file(kind))
        sync(self.folder)  # the new names must reach the disk before the manifest lists them
        parts = [self._parts[offset] for offset in sorted(self._parts)]
        return ShardRecord(shard=self.shard, files=files, statistics=Statistics.combined(parts))

    def _seal(self, kind: ArrayKind) -> FileRecord:
        self._streams[kind].close()
        part = temporary_path(self._file(kind))
        sync(part)
        return FileRecord(name=self._file(kind).name, bytes=part.stat().st_size, sha256=file_sha256(part))

    def discard(self) -> None:
        """Deletes an unfinished shard."""
        for kind, stream in self._streams.items():
            with suppress(OSError):  # closing flushes the buffer, which a full disk refuses again
                stream.close()
            temporary_path(self._file(kind)).unlink(missing_ok=True)


def shard_bytes(data: Data, shard: Shard) -> int:
    """Disk space of a shard."""
    total = 0
    for kind in stored_kinds(data):
        dtype, shape = array_format(data, kind, shard.models)
        total += HEADER_BYTES + dtype.itemsize * math.prod(shape)
    return total


def check_disk(data: Data, shards: Sequence[Shard]) -> str:
    """A line with the disk space needed by the shards still to be made.  Raises InputError if they do not fit."""
    needed = sum(shard_bytes(data, shard) for shard in shards)
    free = shutil.disk_usage(data.folder).free
    if needed > free:
        raise InputError(
            f"data.folder: {data.folder} needs {needed / 1e9:.3f} GB more, the disk has {free / 1e9:.3f} GB "
            "free; free some, put data.folder on another disk, or lower data.split"
        )
    models = sum(shard.models for shard in shards)
    return f"{data.folder}: {models} models to make, {_readable(needed)}; {_readable(free)} free"


def _readable(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
