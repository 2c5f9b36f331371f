"""The numbers that every trial reports about its network."""

from torch import nn

from search_spaces.build import count_parameters, nonzero_parameters


def measures(network: nn.Module, scores: dict[str, float]) -> dict[str, float]:
    """Quality and size: `scores`, parameters, non-zero parameters."""
    return {**scores, "parameters": count_parameters(network), "nonzero": nonzero_parameters(network)}
