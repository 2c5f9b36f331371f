"""The precision of a training."""

import torch
from torch import nn

from trials.settings.config import Config

BLOCK = 16  # channels


def precision(config: Config, gpu: bool, network: nn.Module | None = None) -> str:
    """Mixed if the device supports it; bfloat16 before float16, because it needs no loss scaling."""
    if config.precision == "full" or (config.precision == "auto" and not gpu):
        return "32-true"
    if gpu:
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "16-mixed"
    return "bf16-mixed" if network is None or safe_in_bfloat16(network) else "32-true"


def safe_in_bfloat16(network: nn.Module) -> bool:
    """Whether CPUs can: oneDNN's dilated convolutions give NaN unless their channels fill whole blocks."""
    dilated = [each for each in network.modules() if isinstance(each, nn.Conv2d) and max(each.dilation) > 1]
    return all(each.in_channels % BLOCK == 0 for each in dilated)
