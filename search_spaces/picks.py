"""From logits to first breaks: one time and one confidence for each trace.

    p = softmax over rows of the logits [B, 1, N, R]
    n₀ = argmax p,    confidence = Σ p(n),    pick = Σ n p(n) / confidence    over |n − n₀| ≤ REACH

The mean near the peak gives the time between rows; a second peak far away only lowers the confidence of the first.
"""

import torch
from torch import Tensor, nn

REACH = 4  # rows on each side of the peak


class Picker(nn.Module):
    """A network that turns its logits into picks: gather `[B, 1, T, R]` → `[B, 2, R]`.

    First the picks, in samples from the first of the record, then the confidences between 0 and 1.
    """

    def __init__(self, network: nn.Module, samples: int) -> None:
        super().__init__()
        self.network, self.samples = network, samples

    def forward(self, gather_B1TR: Tensor) -> Tensor:
        return find_picks(self.network(gather_B1TR), self.samples)


def find_picks(logits_B1NR: Tensor, samples: int) -> Tensor:
    """Picks [samples] and confidences, `[B, 2, R]`."""
    share_BNR = logits_B1NR[:, 0].float().softmax(1)
    row_N1 = torch.arange(share_BNR.shape[1], device=share_BNR.device, dtype=share_BNR.dtype)[:, None]
    peak_B1R = share_BNR.argmax(1, keepdim=True)
    near_BNR = share_BNR * ((row_N1 - peak_B1R).abs() <= REACH)
    confidence_BR = near_BNR.sum(1)
    row_BR = (row_N1 * near_BNR).sum(1) / confidence_BR
    return torch.stack([row_to_sample(row_BR, samples, share_BNR.shape[1]), confidence_BR], dim=1)


def row_to_sample(row: Tensor, samples: int, rows: int) -> Tensor:
    """Rows in samples of the record; a row's centre is that of the samples it averages."""
    return (row + 0.5) * (samples / rows) - 0.5


def sample_to_row(sample: Tensor, samples: int, rows: int) -> Tensor:
    """The inverse of `row_to_sample`."""
    return (sample + 0.5) * (rows / samples) - 0.5
