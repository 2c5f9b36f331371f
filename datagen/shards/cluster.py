"""Work distributed to the workers of a dask cluster; results come as they are ready.

    here ──task──► scheduler ──► worker processes, perhaps on other machines, one task at a time each
         ◄─────────result─────

At most AHEAD tasks per worker are under way, so memory does not grow with the number of tasks.  A task whose worker
dies goes to another one; workers may join at any time.
"""

import asyncio
import logging
import re
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from functools import lru_cache, partial
from itertools import islice
from typing import Any, TypeVar

from datagen.config import Data
from datagen.errors import InputError
from datagen.files.reading import read_json
from datagen.shards.chunk import Chunk, Engine, Made, make_chunk
from datagen.shards.manifest import package_versions

AHEAD = 2  # tasks per worker: the running one and the next
CONNECT = 5.0  # [s] for the scheduler to answer
PATIENCE = 60.0  # [s] to wait for a first worker, or for a new one when the last has gone

Task = TypeVar("Task")
Result = TypeVar("Result")
HandOut = Callable[[Callable[[Task], Result], Iterable[Task]], Generator[Result]]


@contextmanager
def cluster(address: str, report: Callable[[str], object]) -> Iterator[HandOut[Any, Any]]:
    """Yields `hand_out(work, tasks)`: `work(task)` of every task, in no order, done by the cluster.

    `address` of the scheduler (tcp://host:port) or its scheduler file; `report` gets a line on what is waited for.
    `work` is pickled; `hand_out` raises what `work` raises, and InputError if workers or scheduler are lost.

    Raises InputError: dask is not installed, nothing answers at the address, or no worker comes.
    """
    distributed, url = _library(), _url(address)
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # our messages cover it
    try:
        asyncio.run(_greet(url))  # a Client that finds no scheduler may hang when it is garbage-collected
        client = distributed.Client(url, timeout=CONNECT)
    except Exception as error:  # another server may answer anything
        raise InputError(
            f"--dask {address}: no dask scheduler answered within {CONNECT:g} s "
            f"({str(error) or type(error).__name__}); start one with `dask scheduler` and give the address it prints"
        ) from None
    with client:
        _await_workers(client, address, report)
        if max(client.nthreads().values()) > 1:
            report(f"{address}: each worker makes one chunk at a time; start them with --nworkers N --nthreads 1")
        yield partial(_hand_out, client, address, report)


def _library() -> Any:
    try:
        import distributed  # noqa: PLC0415
    except ModuleNotFoundError:
        raise InputError("--dask: dask is not installed; pip install 'seisnas[cluster]'") from None
    return distributed


def _url(address: str) -> str:
    """tcp://host:port, from the scheduler file if `address` is one."""
    url = address
    if "://" not in address:
        with suppress(InputError, KeyError, TypeError):
            url = str(read_json(address)["address"])
    if re.fullmatch(r"(tcp|tls)://.+:\d{1,5}", url) is None:
        raise InputError(
            f"--dask {address}: neither an address, as tcp://127.0.0.1:8786, nor the scheduler file of a dask cluster"
        )
    return url


async def _greet(url: str) -> None:
    """Raises if no scheduler answers."""
    distributed = _library()
    security = distributed.Security().get_connection_args("client")
    async with asyncio.timeout(CONNECT):
        comm = await distributed.comm.connect(url, **security)
        await comm.close()


def _await_workers(client: Any, address: str, report: Callable[[str], object]) -> None:
    if client.nthreads():
        return
    command = _command(address)
    report(f"{address} has no workers; waiting {PATIENCE:g} s for one; start some, one per core, with: {command}")
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError:
        raise InputError(
            f"--dask {address}: no worker came within {PATIENCE:g} s; start some, one per core, with "
            f"`{command}`; finished shards are kept"
        ) from None


def _command(address: str) -> str:
    place = address if "://" in address else f"--scheduler-file {address}"
    return f"dask worker {place} --nworkers N --nthreads 1"


def _hand_out(
    client: Any,
    address: str,
    report: Callable[[str], object],
    work: Callable[[Task], Result],
    tasks: Iterable[Task],
) -> Generator[Result]:
    waiting, pending = iter(tasks), set[Any]()
    distributed = _library()
    try:
        while True:
            room = AHEAD * max(1, len(client.nthreads())) - len(pending)
            pending |= {client.submit(work, task, pure=False) for task in islice(waiting, max(room, 0))}
            if not pending:
                return
            try:
                done = distributed.wait(pending, timeout=PATIENCE, return_when="FIRST_COMPLETED").done
            except TimeoutError:  # a slow task, or no worker left
                _await_workers(client, address, report)
                continue
            for future in done:
                pending.remove(future)
                yield future.result()
    except distributed.KilledWorker as error:
        raise InputError(
            f"--dask {address}: workers died one after the other on the same chunk, the last was "
            f"{error.last_worker.address}; most often memory ran out: use fewer workers per machine"
        ) from None
    except ModuleNotFoundError as error:
        raise InputError(f"--dask {address}: a worker lacks {error.name}; install the same on every machine") from None
    except (CancelledError, distributed.comm.CommClosedError):
        raise InputError(
            f"--dask {address}: the connection to the scheduler was lost; start it and run the same command again, "
            "finished shards are kept"
        ) from None
    finally:
        client.cancel(list(pending))


_one_at_a_time = threading.Lock()  # compiling, and BLAS's limit of one thread, affect the whole process


def make_on_worker(data: Data, engine: Callable[[Data], Engine], versions: dict[str, str], chunk: Chunk) -> Made:
    """`make_chunk` with an engine that the worker process keeps for the next chunk.

    Raises InputError, which names the worker: its packages differ from `versions`, and would make other bits; or as
    `make_chunk` or the engine.
    """
    with _one_at_a_time:
        try:
            _check_versions(versions)
            return make_chunk(data, _kept_engine(data, engine), chunk)
        except InputError as error:
            raise InputError(f"worker {_library().get_worker().address}: {error}") from None


@lru_cache(maxsize=1)
def _kept_engine(data: Data, engine: Callable[[Data], Engine]) -> Engine:
    return engine(data)


def _check_versions(wanted: dict[str, str]) -> None:
    here = package_versions()
    different = [
        f"{name} {here.get(name, 'missing')} instead of {version}"
        for name, version in wanted.items()
        if here.get(name) != version
    ]
    if different:
        raise InputError(f"packages differ from here: {', '.join(different)}; install the same on every machine")
