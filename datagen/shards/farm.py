"""Work distributed to single-threaded processes; results come as they are ready.

    parent ──task──► worker        one task at a time, the next one sent before the result is used
           ◄─result─

Workers are forked, so they inherit what the parent has built.  None outlives its parent, however that ends.
"""

import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Generator, Iterable
from itertools import islice
from math import ceil
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, TypeVar

from datagen.errors import InputError

Task = TypeVar("Task")
Result = TypeVar("Result")

QUOTA = Path("/sys/fs/cgroup/cpu.max")  # of a container: microseconds of CPU time, and of what period, or "max"


def cores() -> int:
    """How many this process may use: a job or a container often has only some of the machine's."""
    usable = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    try:
        time, period = map(int, QUOTA.read_text().split())
    except (OSError, ValueError):
        return usable
    return min(usable, ceil(time / period))


def farm(work: Callable[[Task], Result], tasks: Iterable[Task], workers: int) -> Generator[Result]:
    """`work(task)` of every task, in no order; in this process if `workers` is 1.

    Raises what `work` raises, and InputError if a worker is killed (as when memory runs out).  Whatever ends the
    iteration, even an exception or Ctrl-C, ends the workers.
    """
    if workers == 1:
        yield from map(work, tasks)
        return
    context = multiprocessing.get_context("fork")
    waiting = iter(tasks)
    busy: dict[Any, Any] = {}  # pipe to a worker, its process
    try:
        for task in islice(waiting, workers):
            here, there = context.Pipe()
            process = context.Process(target=_serve, args=(work, there), daemon=True)
            process.start()
            there.close()
            busy[here] = process
            _send(here, process, task)
        while busy:
            for pipe in wait(busy):
                result = _receive(pipe, busy[pipe])
                following = next(waiting, None)
                if following is None:
                    _end(busy.pop(pipe))
                else:
                    _send(pipe, busy[pipe], following)
                yield result
    finally:
        for process in busy.values():
            _end(process)


def _send(pipe: Any, process: Any, task: Any) -> None:
    try:
        pipe.send(task)
    except ConnectionError:
        raise _lost(process) from None


def _receive(pipe: Any, process: Any) -> Any:
    try:
        result, error = pipe.recv()
    except (EOFError, ConnectionError):
        raise _lost(process) from None
    if error is not None:
        raise error
    return result


def _lost(process: Any) -> InputError:
    process.join()
    return InputError(
        f"a worker process ended with exit code {process.exitcode}; -9 most often means that memory ran out: "
        "use fewer workers"
    )


def _end(process: Any) -> None:
    process.terminate()
    process.join()


def _serve(work: Callable[[Any], Any], pipe: Any) -> None:
    """The life of a worker."""
    for number in (signal.SIGINT, signal.SIGHUP):  # the terminal also sends them to the parent, which ends the workers
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    end_with_parent()
    while True:
        task = pipe.recv()
        answer: tuple[Any, Exception | None]
        try:
            answer = work(task), None
        except Exception as error:
            error.add_note(f"in a worker process:\n{traceback.format_exc()}")
            answer = None, error
        pipe.send(answer)


def end_with_parent() -> None:
    """Ends this process as soon as its parent has ended, however that happens."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
