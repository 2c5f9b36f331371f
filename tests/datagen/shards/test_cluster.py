"""A dask cluster of two worker processes on this machine stands for one of many machines."""

import hashlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datagen.config import Data, Geology, Grid, Split, Survey
from datagen.errors import InputError
from datagen.generate import generate
from datagen.shards import cluster as cluster_module
from datagen.shards.chunk import Chunk, make_chunk
from datagen.shards.cluster import cluster, make_on_worker
from datagen.shards.manifest import layout, load_manifest, package_versions, verify

distributed = pytest.importorskip("distributed", reason="needs the extra `cluster`")
cloudpickle = pytest.importorskip("cloudpickle")
MakeData = Callable[..., Data]


def report_nothing(line: str) -> None:
    raise AssertionError(line)


@pytest.fixture(scope="module")
def two_workers() -> Iterator[Any]:
    # Tests are not a package that a worker could import.
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", scheduler_port=0, dashboard_address="127.0.0.1:0"
    ) as local:
        yield local
    cloudpickle.unregister_pickle_by_value(sys.modules[__name__])


def hashes(data: Data) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in Path(data.folder).glob("*.*[!k]")}


def test_a_cluster_makes_the_same_bits_as_this_process(tmp_path: Path, two_workers: Any) -> None:
    data = Data(
        folder=str(tmp_path / "here"),
        grid=Grid(nz=24, nx=24, spacing=10.0),
        geology=Geology(layers=(3, 5)),
        survey=Survey(shots=2, receivers=24, frequency=15.0, interval=0.001, samples=200),
        split=Split(train=17, validation=1, test=1),
        shard_size=8,
    )
    other = replace(data, folder=str(tmp_path / "there"))
    generate(data, workers=1)
    assert generate(other, dask=two_workers.scheduler_address, report=lambda _: None).made == 19
    assert hashes(data) == hashes(other)
    assert len(hashes(data)) == 5 * 3 + 1
    verify(load_manifest(other.folder), other)


def test_a_scheduler_file_is_an_address(tmp_path: Path, two_workers: Any) -> None:
    file = tmp_path / "scheduler.json"
    file.write_text(json.dumps({"address": two_workers.scheduler_address}))
    with cluster(str(file), report_nothing) as hand_out:
        assert sorted(hand_out(abs, range(-5, 0))) == [1, 2, 3, 4, 5]


def test_no_more_tasks_are_under_way_than_the_workers_soon_need(two_workers: Any) -> None:
    drawn: list[int] = []

    def tasks() -> Iterator[int]:
        for number in range(40):
            drawn.append(number)
            yield number

    with cluster(two_workers.scheduler_address, report_nothing) as hand_out:
        for given, _ in enumerate(hand_out(abs, tasks()), start=1):
            assert len(drawn) <= given + 2 * cluster_module.AHEAD
    assert len(drawn) == 40


def die_once(task: tuple[Path, int]) -> int:
    mark, number = task
    if number == 3 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # what dask leaves of a worker that was killed
def test_the_task_of_a_worker_that_dies_is_done_by_another(tmp_path: Path, two_workers: Any) -> None:
    with cluster(two_workers.scheduler_address, report_nothing) as hand_out:
        results = list(hand_out(die_once, [(tmp_path / "died", number) for number in range(10)]))
    assert sorted(results) == list(range(10))
    assert (tmp_path / "died").exists()


def refuse(number: int) -> int:
    raise InputError(f"{number} is not allowed")


def test_an_error_at_a_worker_reaches_the_caller_and_nothing_stays_under_way(two_workers: Any) -> None:
    with cluster(two_workers.scheduler_address, report_nothing) as hand_out:
        with pytest.raises(InputError, match="is not allowed"):
            list(hand_out(refuse, range(20)))
        with distributed.Client(two_workers.scheduler_address, set_as_default=False) as client:
            for _ in range(100):
                if not any(client.processing().values()):
                    break
                time.sleep(0.05)
            assert not any(client.processing().values())


def on_worker(task: tuple[Data, dict[str, str]]) -> Any:
    data, versions = task
    return make_on_worker(data, SumEngine, versions, first_chunk(data))


class SumEngine:
    built = 0

    def __init__(self, data: Data) -> None:
        SumEngine.built += 1
        self.survey = data.survey

    def shoot_and_migrate(self, velocity_MZX: np.ndarray) -> Any:
        shape = len(velocity_MZX), self.survey.shots, self.survey.samples, self.survey.receivers
        return np.full(shape, velocity_MZX.mean(), np.float32), velocity_MZX


def first_chunk(data: Data) -> Any:
    return Chunk(shard=layout(data)[0], offset=0, models=8)


def test_a_worker_builds_its_engine_once(make_data: MakeData) -> None:
    data = make_data()
    cluster_module._kept_engine.cache_clear()
    before = SumEngine.built
    made = [make_on_worker(data, SumEngine, package_versions(), first_chunk(data)) for _ in range(3)]
    assert SumEngine.built == before + 1
    expected = make_chunk(data, SumEngine(data), first_chunk(data))
    np.testing.assert_array_equal(made[2].arrays["data"], expected.arrays["data"])


def test_a_worker_with_other_packages_is_refused_by_name(make_data: MakeData, two_workers: Any) -> None:
    versions = package_versions() | {"numpy": "1.0"}
    with (
        cluster(two_workers.scheduler_address, report_nothing) as hand_out,
        pytest.raises(InputError, match=r"worker tcp://127\.0\.0\.1:\d+: packages differ.*numpy .* instead of 1\.0"),
    ):
        list(hand_out(on_worker, [(make_data(), versions)]))


@pytest.mark.parametrize("listening", [True, False])
def test_an_address_where_no_scheduler_answers_is_refused_soon(
    monkeypatch: pytest.MonkeyPatch, listening: bool
) -> None:
    monkeypatch.setattr(cluster_module, "CONNECT", 0.5)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        if listening:  # and silent
            taken.listen()
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(InputError, match=r"no dask scheduler answered within 0\.5 s"), cluster(address, print):
            pass


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1:8786",
        "no/such/file.json",
        "local",
        "http://127.0.0.1:8786",
        "tcp://127.0.0.1",
        "tcp://:x",
        "tcp://a:-1",
    ],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(InputError, match=f"^--dask {address}: neither an address, as tcp://"), cluster(address, print):
        pass


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"address": 3}'])
def test_a_file_that_is_no_scheduler_file_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "scheduler.json"
    file.write_text(content)
    with pytest.raises(InputError, match="neither an address, as tcp://"), cluster(str(file), print):
        pass


def test_a_cluster_without_workers_is_told_waited_for_and_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_module, "PATIENCE", 0.3)
    reported: list[str] = []
    with (
        distributed.LocalCluster(
            n_workers=0,
            host="127.0.0.1",
            scheduler_port=0,
            dashboard_address="127.0.0.1:0",
            protocol="tcp",
            processes=False,
        ) as local,
        pytest.raises(InputError, match=r"no worker came within 0\.3 s; start some.*dask worker tcp://"),
        cluster(local.scheduler_address, reported.append),
    ):
        pass
    assert len(reported) == 1
    assert "has no workers; waiting" in reported[0]


def test_a_missing_library_is_told_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"pip install 'seisnas\[cluster\]'"), cluster("tcp://127.0.0.1:1", print):
        pass
