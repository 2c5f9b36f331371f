import re
from typing import Any

import pynvml
import pytest

from trials.experiment.machines.gpu_keys import GpuKeys, gpu_keys, gpus_here

FREE, BUSY = False, True


def keys(**changes: Any) -> GpuKeys:
    plain = {"number": 1, "per_gpu": 1, "indices": None, "active": False, "concurrency": 1}
    return GpuKeys(**plain | changes)


@pytest.mark.parametrize(
    ("asked", "gpus"),
    [
        (keys(number=0, concurrency=8), []),
        (keys(), [FREE]),
        (keys(concurrency=2), [FREE, FREE]),
        (keys(concurrency=2, per_gpu=2), [FREE]),
        (keys(number=2), [FREE, FREE]),
        (keys(indices=(1,)), [BUSY, FREE]),
        (keys(active=True), [BUSY]),
    ],
)
def test_what_fits_is_accepted(asked: GpuKeys, gpus: list[bool]) -> None:
    assert gpu_keys(asked, gpus).ok


@pytest.mark.parametrize(
    ("asked", "gpus", "detail", "remedy"),
    [
        (keys(), [], "no GPU", "remove trialGpuNumber"),
        (keys(indices=(0, 3)), [FREE, FREE], r"got \[3\]; the GPUs are 0 to 1", "change gpuIndices"),
        (keys(), [BUSY], "other programs run", "useActiveGpu: true"),
        (keys(number=2, indices=(0,)), [FREE, FREE], "got 2; 1 can be used", "lower trialGpuNumber"),
        (keys(concurrency=3), [FREE, FREE], "got 3; 2 trials fit on 2 GPUs", "trialConcurrency: 2"),
        (keys(concurrency=2), [FREE, BUSY], "got 2; 1 trials fit on 1 GPUs", "trialConcurrency: 1"),
    ],
)
def test_what_would_wait_for_ever_is_refused(asked: GpuKeys, gpus: list[bool], detail: str, remedy: str) -> None:
    check = gpu_keys(asked, gpus)
    assert not check.ok
    assert re.search(detail, check.detail)
    assert remedy in check.remedy


def test_gpus_are_counted_with_what_runs_on_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("nvmlInit", "nvmlShutdown"):
        monkeypatch.setattr(pynvml, name, lambda: None)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetCount", lambda: 2)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByIndex", lambda index: index)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetComputeRunningProcesses", lambda index: ["job"] * index)
    assert gpus_here() == [FREE, BUSY]


def test_a_machine_without_a_driver_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_driver() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", no_driver)
    assert gpus_here() == []
