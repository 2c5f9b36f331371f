"""What a machine has: card, memory, cores, compiler, versions, and how fast it multiplies matrices."""

import os
import platform
import shutil
import time
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

import psutil
import torch

PACKAGES = ("torch", "triton", "numpy", "scipy", "devito", "pydantic")
WARM_UP, REPEATS = 3, 10  # matrix products


def found(device: torch.device) -> dict[str, Any]:
    """Facts by name, for the first lines of a run and the head of its results."""
    facts: dict[str, Any] = {"gpu": None}
    if device.type == "cuda":
        import pynvml  # noqa: PLC0415  asked only where there is a card

        pynvml.nvmlInit()
        card = torch.cuda.get_device_properties(device)
        facts = {"gpu": card.name, "gpu_memory_GB": card.total_memory / 1e9}
        facts |= {"driver": pynvml.nvmlSystemGetDriverVersion(), "cuda": torch.version.cuda}
    return facts | {
        "cores": len(os.sched_getaffinity(0)),
        "load": os.getloadavg()[0],
        "memory_GB": psutil.virtual_memory().total / 1e9,
        "compiler": compiler(),
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
    }


def compiler() -> str | None:
    """Path of the C compiler that Devito would call."""
    return shutil.which(os.environ.get("CC", "gcc"))


def why_no_models() -> str | None:
    """What the generator lacks on this machine; None if it can work."""
    if find_spec("devito") is None:
        return "Devito is not installed"
    if compiler() is None:
        return f"there is no C compiler ({os.environ.get('CC', 'gcc')})"
    return None


def matrix_rate(device: torch.device, dtype: torch.dtype) -> float:
    """FLOP/s of a large matrix product: the limit that networks are measured against."""
    size = 8192 if device.type == "cuda" else 1024
    a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    for repeat in range(WARM_UP + REPEATS):
        if repeat == WARM_UP:
            wait_for(device)
            start = time.perf_counter()
        a @ b
    wait_for(device)
    return 2 * size**3 * REPEATS / (time.perf_counter() - start)


def wait_for(device: torch.device) -> None:
    """Until the device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
