"""One training by several processes, one a device, with Lightning's DDP; for all but the search of a supernet.

    batch of B ─┬─ process 0: samples 0, n, 2n, …   ─► gradients ─┐
                └─ process 1: samples 1, n+1, …     ─► gradients ─┴─ mean ─► the same step in all of them

`training.batch_size` is that of all processes together, so a training takes the same steps with 1 and with n of them;
only batch norm differs, whose statistics are those of a share.  Process 0 is the one that calls; it alone writes and
reports.  The others live for one call of `fit` and talk to it over the loopback interface.
"""

import io
import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
from torch import distributed
from torch.utils.data import DataLoader, Sampler

from datagen.errors import InputError
from datagen.shards.farm import end_with_parent
from trials.settings.config import Config

LOOPBACK = {"GLOO_SOCKET_IFNAME": "lo", "NCCL_SOCKET_IFNAME": "lo"}


def uses_gpu(config: Config) -> bool:
    return config.device == "cuda" or (config.device == "auto" and torch.cuda.is_available())


def device_count(config: Config) -> int:
    """Processes that one training takes.

    Raises InputError when there are fewer GPUs, or when they cannot share the batch evenly.
    """
    batch, gpus = config.training.batch_size, torch.cuda.device_count() if uses_gpu(config) else 0
    if config.devices == "auto":
        return max(count for count in range(1, max(1, gpus) + 1) if batch % count == 0)
    if gpus and config.devices > gpus:
        raise InputError(f"devices: got {config.devices}; there are {gpus} GPU(s) here; --set devices={gpus}")
    if batch % config.devices:
        raise InputError(
            f"devices: got {config.devices}, which does not divide training.batch_size {batch}; change one of them"
        )
    return config.devices


def rank() -> int:
    """Of this process among those of the training, from 0."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def one_clock() -> float:
    """Seconds of a clock that all processes of a training read alike."""
    now = [time.monotonic()]
    if distributed.is_initialized():
        distributed.broadcast_object_list(now, src=0)
    return now[0]


class Share(Sampler[list[int]]):
    """Of every batch of `order` the samples that are this process' own: `rank`, `rank + count`, …"""

    def __init__(self, order: Any, batch_size: int, samples: int, count: int) -> None:
        self.sampler, self.batch_size, self.count = order, batch_size, count
        # A process must not be left without samples; one alone has no variance for batch norm.
        self.batches = samples // batch_size + (samples % batch_size >= 2 * count)

    def __len__(self) -> int:
        return self.batches

    def __iter__(self) -> Iterator[list[int]]:
        order = list(self.sampler)
        for start in range(0, self.batches * self.batch_size, self.batch_size):
            yield order[start : start + self.batch_size][rank() :: self.count]


def shared(batches: DataLoader[Any], count: int) -> DataLoader[Any]:
    """The same batches in the same order, of each the share of this process."""
    if count == 1:
        return batches
    assert batches.batch_size is not None
    samples = len(batches.dataset)  # type: ignore[arg-type]  # ShardDataset has a length
    share = Share(batches.sampler, batches.batch_size, samples, count)
    return DataLoader(batches.dataset, batch_sampler=share, generator=batches.generator, collate_fn=batches.collate_fn)


@contextmanager
def helper_processes(count: int, gpu: bool, work: Callable[[], object]) -> Iterator[None]:
    """Lets `count - 1` more processes do `work`, as long as this one is inside.

    `work` is copied by pickle.  Raises what one of them has raised.
    """
    if count == 1:
        yield
        return
    memory = io.BytesIO()
    torch.save(work, memory)  # bytes: parameters would be handed over as memory that all of them write to
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder, _environment(LOCAL_RANK="0", **LOOPBACK):
        ears, helpers = [], []
        try:
            for one in range(1, count):
                ear, mouth = context.Pipe(duplex=False)
                call = (memory.getvalue(), one, count, gpu, folder, mouth)
                helper = context.Process(target=_help, args=call, daemon=True)
                helper.start()
                mouth.close()
                ears.append(ear)
                helpers.append(helper)
            _meet(0, count, gpu, folder)
            yield
        except RuntimeError as error:
            raise _told(ears) or error from None
        finally:
            if distributed.is_initialized():
                distributed.destroy_process_group()
            for helper in helpers:
                helper.kill()  # at the end of a training there is nothing left to do for it
                helper.join()


@contextmanager
def _environment(**wanted: str) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(wanted)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _meet(one: int, count: int, gpu: bool, folder: str) -> None:
    """All wait here for each other; by a file, because a port would be open to the network."""
    if gpu:
        torch.cuda.set_device(one)
    distributed.init_process_group(
        "nccl" if gpu else "gloo", init_method=f"file://{Path(folder, 'meeting')}", rank=one, world_size=count
    )


def _help(work: bytes, one: int, count: int, gpu: bool, folder: str, mouth: Connection) -> None:
    """A process with `rank` above 0."""
    for number in (signal.SIGINT, signal.SIGHUP):  # a terminal sends them to process 0 too, which then ends this one
        signal.signal(number, signal.SIG_IGN)
    end_with_parent()
    os.environ["LOCAL_RANK"] = str(one)
    try:
        _meet(one, count, gpu, folder)
        torch.load(io.BytesIO(work), weights_only=False)()  # from our parent, through a pipe that nobody else has
    except Exception as error:
        mouth.send(error)
        raise


def _told(ears: list[Connection]) -> Exception | None:
    """What a helper has raised before this process lost it."""
    for ear in ears:
        if ear.poll(2.0):
            try:
                told = ear.recv()
            except EOFError:
                continue
            if isinstance(told, Exception):
                return told
    return None
