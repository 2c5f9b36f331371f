"""One training in several processes, one per device, with Lightning's DDP; for everything except a supernet search.

    batch of B ─┬─ process 0: samples 0, n, 2n, …   ─► gradients ─┐
                └─ process 1: samples 1, n+1, …     ─► gradients ─┴─ mean ─► the same step in all of them

`training.batch_size` is the total of all processes, so a training takes the same steps with 1 and with n of them; only
batch norm differs, which takes the statistics of a share.  Process 0 is the caller; only it writes and reports.  The
others live for one call of `fit` and communicate over the loopback interface.
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
from datagen.shards.farm import cores, end_with_parent
from trials.settings.config import Config

LOOPBACK = {"GLOO_SOCKET_IFNAME": "lo", "NCCL_SOCKET_IFNAME": "lo"}


def uses_gpu(config: Config) -> bool:
    return config.device == "cuda" or (config.device == "auto" and torch.cuda.is_available())


def device_count(config: Config) -> int:
    """Number of processes of one training.

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


def take_share(processes: int) -> None:
    """Leaves the other cores to as many trainings beside this one: threads in excess wait for each other."""
    torch.set_num_threads(max(1, cores() // max(1, processes)))


def rank() -> int:
    """The number of this process among those of the training, from 0."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def one_clock() -> float:
    """Seconds of a clock shared by all processes of a training."""
    now = [time.monotonic()]
    if distributed.is_initialized():
        distributed.broadcast_object_list(now, src=0)
    return now[0]


class Share(Sampler[list[int]]):
    """This process's samples of every batch of `order`: `rank`, `rank + count`, …"""

    def __init__(self, order: Any, batch_size: int, samples: int, count: int) -> None:
        self.sampler, self.batch_size, self.count = order, batch_size, count
        # Every process needs samples; a single one has no variance for batch norm.
        self.batches = samples // batch_size + (samples % batch_size >= 2 * count)

    def __len__(self) -> int:
        return self.batches

    def __iter__(self) -> Iterator[list[int]]:
        order = list(self.sampler)
        for start in range(0, self.batches * self.batch_size, self.batch_size):
            yield order[start : start + self.batch_size][rank() :: self.count]


def shared(batches: DataLoader[Any], count: int) -> DataLoader[Any]:
    """This process's share of the same batches in the same order."""
    if count == 1:
        return batches
    assert batches.batch_size is not None
    samples = len(batches.dataset)  # type: ignore[arg-type]  # ShardDataset has a length
    share = Share(batches.sampler, batches.batch_size, samples, count)
    return DataLoader(batches.dataset, batch_sampler=share, generator=batches.generator, collate_fn=batches.collate_fn)


@contextmanager
def helper_processes(count: int, gpu: bool, work: Callable[[], object]) -> Iterator[None]:
    """Runs `work` in `count - 1` more processes while this one is inside the context.

    `work` is copied by pickle.  Raises what one of them raises.
    """
    if count == 1:
        yield
        return
    memory = io.BytesIO()
    torch.save(work, memory)  # as bytes: parameters would be passed as memory that all processes share
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder, _environment(LOCAL_RANK="0", **LOOPBACK):
        receivers, helpers = [], []
        try:
            for one in range(1, count):
                receiver, sender = context.Pipe(duplex=False)
                call = (memory.getvalue(), one, count, gpu, folder, sender)
                helper = context.Process(target=_help, args=call, daemon=True)
                helper.start()
                sender.close()
                receivers.append(receiver)
                helpers.append(helper)
            _meet(0, count, gpu, folder)
            yield
        except RuntimeError as error:
            raise _helper_error(receivers) or error from None
        finally:
            if distributed.is_initialized():
                distributed.destroy_process_group()
            for helper in helpers:
                helper.kill()  # nothing is left to do at the end of a training
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
    """Waits for all processes; by a file, because a port would be open to the network."""
    if gpu:
        torch.cuda.set_device(one)
    distributed.init_process_group(
        "nccl" if gpu else "gloo", init_method=f"file://{Path(folder, 'meeting')}", rank=one, world_size=count
    )


def _help(work: bytes, one: int, count: int, gpu: bool, folder: str, sender: Connection) -> None:
    """A process with `rank` above 0."""
    for number in (signal.SIGINT, signal.SIGHUP):  # the terminal also sends them to process 0, which ends this one
        signal.signal(number, signal.SIG_IGN)
    end_with_parent()
    os.environ["LOCAL_RANK"] = str(one)
    try:
        _meet(one, count, gpu, folder)
        torch.load(io.BytesIO(work), weights_only=False)()  # from our parent, through a private pipe
    except Exception as error:
        sender.send(error)
        raise


def _helper_error(receivers: list[Connection]) -> Exception | None:
    """What a helper raised before it was lost."""
    for receiver in receivers:
        if receiver.poll(2.0):
            try:
                received = receiver.recv()
            except EOFError:
                continue
            if isinstance(received, Exception):
                return received
    return None
