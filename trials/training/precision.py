"""The precision of a training."""

from functools import cache
from pathlib import Path

import torch
from torch import nn

from trials.settings.config import Config

BLOCK = 16  # channels


def precision(config: Config, gpu: bool, network: nn.Module | None = None) -> str:
    """Mixed if the device gains by it; bfloat16 before float16, because it needs no loss scaling."""
    if config.precision == "full" or (config.precision == "auto" and not gpu):
        return "32-true"
    bfloat16 = fast_in_bfloat16(torch.device("cuda" if gpu else "cpu"))
    if gpu:
        return "bf16-mixed" if bfloat16 else "16-mixed"
    return "bf16-mixed" if bfloat16 and (network is None or safe_in_bfloat16(network)) else "32-true"


@cache
def fast_in_bfloat16(device: torch.device) -> bool:
    """Whether it has instructions for bfloat16; CPUs that emulate them take eight times as long as in float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    try:
        flags = Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def safe_in_bfloat16(network: nn.Module) -> bool:
    """Whether CPUs can: oneDNN's dilated convolutions give NaN unless their channels fill whole blocks."""
    dilated = [each for each in network.modules() if isinstance(each, nn.Conv2d) and max(each.dilation) > 1]
    return all(each.in_channels % BLOCK == 0 for each in dilated)
