"""How far picks are from labels that the training has not seen, of a network and of the classical picker."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from search_spaces.picks import find_picks
from trials.prediction.picking.classical_picker import Classical, fitted
from trials.running.run_folder import RunFolder
from trials.settings.config import Config
from trials.training.networks import trained
from trials.training.picking.gather_set import gather_set

FAR = 15  # samples: a pick of another wave, not a pick a little off


@dataclass(frozen=True, kw_only=True)
class Found:
    """Picks of traces whose break is known."""

    error_N: NDArray[np.float64]  # [ms], pick − label
    confidence_N: NDArray[np.float64]
    interval: float  # [s]

    def figures(self) -> dict[str, float]:
        """Median of pick − label, mean and median absolute error [ms], and the share of traces that are far off."""
        size_N = np.abs(self.error_N)
        tail = float((size_N > 1e3 * FAR * self.interval).mean())
        return {
            "bias_ms": float(np.median(self.error_N)),
            "mae_ms": float(size_N.mean()),
            "median_ms": float(np.median(size_N)),
            "tail": tail,
        }


def joined(parts: Sequence[Found]) -> Found:
    """The traces of all folds."""
    return Found(
        error_N=np.concatenate([each.error_N for each in parts]),
        confidence_N=np.concatenate([each.confidence_N for each in parts]),
        interval=parts[0].interval,
    )


@torch.no_grad()
def network_finds(config: Config, run: RunFolder) -> Found:
    """Picks of a finished training on the gathers that it has not seen."""
    network, held = trained(run).eval(), gather_set(config, "test")
    gathers_B1TR, labels_BR = held.__getitems__(range(len(held)))
    picks_BR, confidence_BR = find_picks(network(gathers_B1TR), gathers_B1TR.shape[2]).unbind(1)
    return _found(picks_BR.numpy(), labels_BR.numpy(), confidence_BR.numpy(), held.interval)


def classical_finds(config: Config) -> Found:
    """Picks of STA/LTA with AIC, its settings the best of a grid on the training gathers."""
    train = gather_set(config, "train")
    return of_settings(fitted(list(train.gathers_NTR), list(train.picks_NR), train.interval), config)


def of_settings(settings: Classical, config: Config) -> Found:
    """Picks of STA/LTA with AIC on the gathers held out."""
    held = gather_set(config, "test")
    picks_NR = np.stack([settings.samples(gather, held.interval) for gather in held.gathers_NTR])
    return _found(picks_NR, held.picks_NR, np.ones_like(picks_NR), held.interval)


def _found(picks: Any, labels: Any, confidence: Any, interval: float) -> Found:
    errors = 1e3 * interval * (picks - labels).astype(np.float64)
    known = np.isfinite(errors)
    return Found(error_N=errors[known], confidence_N=confidence[known].astype(np.float64), interval=interval)
