"""Checks the GPU keys of an NNI configuration against the machine's GPUs.

    trialGpuNumber × trialConcurrency  ≤  maxTrialNumberPerGpu × GPUs that gpuIndices and useActiveGpu allow

NNI starts either way, and would wait for ever for a GPU that does not exist.
"""

import contextlib
from dataclasses import dataclass
from typing import Any

import pynvml

from trials.experiment.machines.doctor import Check


@dataclass(frozen=True, kw_only=True)
class GpuKeys:
    """What a configuration for this machine asks for."""

    number: int  # trialGpuNumber; 0: NNI gives no trial a GPU
    per_gpu: int  # maxTrialNumberPerGpu
    indices: tuple[int, ...] | None  # gpuIndices; none: all of them
    active: bool  # useActiveGpu: also those that run another program
    concurrency: int  # trialConcurrency

    @classmethod
    def of(cls, config: Any) -> "GpuKeys | None":
        """From NNI's ExperimentConfig; None when trials run on other machines."""
        service = config.training_service
        if isinstance(service, list) or service.platform != "local":
            return None
        return cls(
            number=service.trial_gpu_number or 0,
            per_gpu=service.max_trial_number_per_gpu,
            indices=None if service.gpu_indices is None else tuple(service.gpu_indices),
            active=bool(service.use_active_gpu),
            concurrency=config.trial_concurrency,
        )


def gpus_here() -> list[bool]:
    """For each GPU of this machine whether another program runs on it."""
    busy = []
    with contextlib.suppress(pynvml.NVMLError):
        pynvml.nvmlInit()
        for index in range(pynvml.nvmlDeviceGetCount()):
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            busy.append(bool(pynvml.nvmlDeviceGetComputeRunningProcesses(handle)))
        pynvml.nvmlShutdown()
    return busy


def gpu_keys(keys: GpuKeys, busy: list[bool]) -> Check:
    """Whether there are GPUs for all concurrent trials."""

    def refused(detail: str, remedy: str) -> Check:
        return Check("GPU keys", False, detail, f"{remedy} in the NNI configuration")

    if keys.number == 0:
        return Check("GPU keys", True, "no GPU is requested")
    if not busy:
        return refused(
            f"trialGpuNumber: got {keys.number}; this machine has no GPU that NVIDIA's driver knows",
            "remove trialGpuNumber and useActiveGpu",
        )
    wrong = [index for index in keys.indices or () if index >= len(busy)]
    if wrong:
        return refused(f"gpuIndices: got {wrong}; the GPUs are 0 to {len(busy) - 1}", "change gpuIndices")
    allowed = keys.indices if keys.indices is not None else range(len(busy))
    usable = [index for index in allowed if keys.active or not busy[index]]
    fitting = keys.per_gpu * len(usable) // keys.number if keys.number <= len(usable) else 0
    if fitting >= keys.concurrency:
        return Check("GPU keys", True, f"{keys.concurrency} trials at a time on {len(usable)} GPUs")
    if fitting == 0 and keys.number <= len(allowed):
        return refused("other programs run on the GPUs, and useActiveGpu is false", "set useActiveGpu: true")
    if fitting == 0:
        return refused(
            f"trialGpuNumber: got {keys.number}; {len(allowed)} can be used",
            "lower trialGpuNumber, or change gpuIndices",
        )
    return refused(
        f"trialConcurrency: got {keys.concurrency}; {fitting} trials fit on {len(usable)} GPUs",
        f"set trialConcurrency: {fitting}, or raise maxTrialNumberPerGpu",
    )
