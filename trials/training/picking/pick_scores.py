"""How good picks are: mean and median absolute error, and the share that hits a label within some samples."""

import torch
from torch import Tensor

HITS = (1, 3, 5, 9)  # samples


def pick_scores(picks_BR: Tensor, labels_BR: Tensor, interval: float) -> dict[str, Tensor]:
    """Scores of the traces that break within the window; picks and labels in samples every `interval` seconds.

    `mae_ms` and `median_ms` in milliseconds, `hit_k` between 0 and 1, each `[1]`.  Without any label all are NaN.
    """
    known_BR = torch.isfinite(labels_BR)
    error_N = (picks_BR - labels_BR)[known_BR].abs()
    if len(error_N) == 0:
        error_N = torch.full((1,), torch.nan, device=picks_BR.device)
    hits = {f"hit_{reach}": (error_N <= reach).float().mean() for reach in HITS}
    scores = {"mae_ms": 1e3 * interval * error_N.mean(), "median_ms": 1e3 * interval * error_N.median(), **hits}
    return {name: value[None] for name, value in scores.items()}
