"""The numbers that every trial reports about its network."""

import torch
from torch import nn

from compressors.stopwatch import median_ms
from search_spaces.build import count_parameters, nonzero_parameters
from search_spaces.shape import Shape
from trials.settings.config import Config


def measures(network: nn.Module, config: Config, scores: dict[str, float]) -> dict[str, float]:
    """Quality, size and speed of a network: `scores`, parameters, non-zero parameters, latency."""
    return {
        **scores,
        "parameters": count_parameters(network),
        "nonzero": nonzero_parameters(network),
        "latency_ms": latency_ms(network, Shape.of(config.data, config.network.gather_rows)),
    }


@torch.no_grad()
def latency_ms(network: nn.Module, shape: Shape, runs: int = 7) -> float:
    """Median time of one sample through the torch module on its device, in milliseconds."""
    device = next(network.parameters()).device
    shots_BSTR = torch.zeros(1, shape.shots, shape.samples, shape.receivers, device=device)
    network.eval()
    return median_ms(lambda: network(shots_BSTR).sum().item(), runs)  # .item() waits for the device
