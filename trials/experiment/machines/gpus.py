"""The GPUs of this machine, and how they are shared among an experiment's trials.

    GPUs   trialGpuNumber   trialConcurrency   a trial sees
    0      –                as in the file     the CPU
    1      –                k                  that GPU; NNI, asked for the only GPU, would wait for ever
    n      1                k n                one of them
    n      g, of the file   k n/g              g of them, and trains on all with DDP (devices: auto)

k is `maxTrialNumberPerGpu` of the file's trainingService, by default 1.  `useActiveGpu` is true, because a GPU that
draws a desktop counts as active.  Only experiments on this machine are changed; hosts have their own GPUs.
"""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pynvml
import yaml

from datagen.errors import InputError
from trials.experiment.nni.nni_config import read_nni_config

PATHS = ("searchSpaceFile", "trialCodeDirectory", "experimentWorkingDirectory")


@dataclass(frozen=True)
class Gpu:
    """One GPU as the driver numbers it."""

    index: int
    name: str
    memory: int  # [bytes]


def inventory() -> list[Gpu]:
    """All NVIDIA GPUs; none without a driver."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return []
    try:
        handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
        return [
            Gpu(index, str(pynvml.nvmlDeviceGetName(handle)), int(pynvml.nvmlDeviceGetMemoryInfo(handle).total))
            for index, handle in enumerate(handles)
        ]
    finally:
        with contextlib.suppress(pynvml.NVMLError):
            pynvml.nvmlShutdown()


def fitted(nni_config: Path, folder: Path, gpus: list[Gpu] | None = None) -> Path:
    """The file to start the experiment with: `nni_config` itself, or a copy in `folder` that shares the GPUs.

    `gpus`: by default those found.  Raises InputError when the file requests GPUs that do not exist.
    """
    tree = read_nni_config(nni_config)
    changed = shared_out(tree, inventory() if gpus is None else gpus, nni_config)
    if changed == tree:
        return nni_config
    home = nni_config.resolve().parent
    _make_absolute(changed, PATHS, home)
    for part in ("tuner", "assessor"):
        _make_absolute(changed.get(part, {}), ("codeDirectory",), home)
    copy = folder / nni_config.with_suffix(".gpus.yml").name
    copy.write_text(yaml.safe_dump(changed, sort_keys=False), encoding="utf-8")
    return copy


def _make_absolute(owner: dict[str, Any], keys: tuple[str, ...], home: Path) -> None:
    owner.update({key: str(home / owner[key]) for key in keys if key in owner})


def shared_out(tree: dict[str, Any], gpus: list[Gpu], path: Path) -> dict[str, Any]:
    """The keys of an nni_config.yml, with the GPU keys of the table."""
    service = tree.get("trainingService")
    if not isinstance(service, dict) or service.get("platform") != "local":
        return tree
    usable = _usable(gpus, service, path)
    wanted, each = tree.get("trialGpuNumber"), service.get("maxTrialNumberPerGpu", 1)
    if wanted is not None and (type(wanted) is not int or not 0 <= wanted <= len(usable)):
        raise InputError(f"{path}: trialGpuNumber: got {wanted}; {_count(usable)} usable here; without it all are used")
    if not usable or wanted == 0:
        return tree
    trials = len(usable) // (wanted or 1) * each
    changed = {key: value for key, value in tree.items() if key != "trialGpuNumber"} | {"trialConcurrency": trials}
    if len(gpus) > 1 and wanted != len(gpus):
        changed["trialGpuNumber"] = wanted or 1
        changed["trainingService"] = {**service, "useActiveGpu": True, "gpuIndices": usable}
    return changed


def _usable(gpus: list[Gpu], service: dict[str, Any], path: Path) -> list[int]:
    """Indices of the GPUs allowed by `gpuIndices` (a list, or a text with commas) and CUDA_VISIBLE_DEVICES."""
    known = [gpu.index for gpu in gpus]
    words = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    if all(word.strip().isdigit() for word in words):  # NNI's choice would go over it
        known = [index for index in known if index in map(int, words)]
    named = service.get("gpuIndices")
    if named is None:
        return known
    wanted = [str(word).strip() for word in (named if isinstance(named, list) else str(named).split(","))]
    if not all(word.isdigit() and int(word) in known for word in wanted):
        raise InputError(f"{path}: trainingService.gpuIndices: got {named}; {_count(known)} usable here: {known}")
    return [int(word) for word in wanted]


def _count(indices: list[int]) -> str:
    return "no GPU is" if not indices else "1 GPU is" if len(indices) == 1 else f"{len(indices)} GPUs are"
