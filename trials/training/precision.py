"""The precision of a training."""

from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn

from trials.settings.config import Config

TOLERANCE = 0.05  # of the norm; bfloat16 has 0.004


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
    """Whether this CPU's convolutions are right: on some, dilated ones of other than whole blocks of 16 give NaN."""
    dilated = [each for each in network.modules() if isinstance(each, nn.Conv2d) and max(each.dilation) > 1]
    return all(_right_in_bfloat16(each) for each in dilated)


def _right_in_bfloat16(convolution: nn.Conv2d) -> bool:
    """Values and gradients, of noise, beside those in single precision."""
    with torch.random.fork_rng(devices=[]):
        x = torch.randn(2, convolution.in_channels, 32, 32).to(memory_format=torch.channels_last).requires_grad_()

    def found(mixed: bool) -> list[Tensor]:
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            y = convolution(x).float()
        return [y, *torch.autograd.grad(y.square().mean(), [x, convolution.weight])]

    pairs = zip(found(True), found(False), strict=True)
    return all(bool((rough - exact).norm() < TOLERANCE * exact.norm()) for rough, exact in pairs)
