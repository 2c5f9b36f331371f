import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from datagen.errors import InputError
from datagen.shards import farm as farm_module
from datagen.shards.farm import cores, farm


@pytest.fixture
def workers_alive() -> Callable[[], int]:
    """The number of processes that this one started in the test and that have not ended."""
    before = set(psutil.Process().children())  # other tests may have left a helper of multiprocessing
    return lambda: len(set(psutil.Process().children()) - before)


def square(number: int) -> tuple[int, int]:
    return number**2, os.getpid()


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_every_task_is_done_once(workers: int) -> None:
    results = list(farm(square, range(20), workers))
    assert sorted(result for result, _ in results) == [number**2 for number in range(20)]
    processes = {pid for _, pid in results}
    assert processes == {os.getpid()} if workers == 1 else os.getpid() not in processes


def fail_at_three(number: int) -> int:
    if number == 3:
        raise InputError("three is not allowed")
    return number


def test_an_error_in_a_worker_reaches_the_caller_and_ends_the_workers(workers_alive: Callable[[], int]) -> None:
    with pytest.raises(InputError, match="three is not allowed"):
        list(farm(fail_at_three, range(20), 2))
    assert workers_alive() == 0


def kill_itself(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_a_killed_worker_is_reported_and_not_waited_for(workers_alive: Callable[[], int]) -> None:
    with pytest.raises(InputError, match="exit code -9"):
        list(farm(kill_itself, range(20), 2))
    assert workers_alive() == 0


def test_leaving_early_ends_the_workers(workers_alive: Callable[[], int]) -> None:
    results = farm(square, range(1000), 2)
    next(results)
    assert workers_alive() == 2
    results.close()
    assert workers_alive() == 0


ENDLESS = """
import signal, time
from datagen.shards.farm import farm
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored if the tests run in the background of a shell
for result in farm(lambda number: time.sleep(0.01), range(10**9), 2):
    print(end=".", flush=True)
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_worker_outlives_its_parent(how: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", ENDLESS], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as parent:
        assert parent.stdout is not None
        parent.stdout.read(5)
        workers = psutil.Process(parent.pid).children()
        assert len(workers) == 2
        parent.send_signal(how)
        assert wait_until_gone(workers)


def wait_until_gone(processes: list[Any]) -> bool:
    for _ in range(300):
        if not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in processes):
            return True
        time.sleep(0.1)
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="affinity and quota are Linux's")
def test_the_cores_of_a_job_are_those_it_may_use(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 4, 9})
    quota = tmp_path / "cpu.max"
    monkeypatch.setattr(farm_module, "QUOTA", quota)
    for given, expected in (
        (None, 4),
        ("max 100000", 4),
        ("250000 100000", 3),
        ("50000 100000", 1),
        ("9900000 1000", 4),
    ):
        if given is not None:
            quota.write_text(given)
        assert cores() == expected
