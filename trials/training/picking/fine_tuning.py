"""From a network that picks modelled gathers to one that picks a survey: the settings that were measured.

`seisnas pick-train` and benchmarks/bench_first_breaks.py both train with these (benchmarks/results/first_breaks.md).
"""

from pathlib import Path
from typing import Any

BATCH = 4
ROUNDS = 2  # on own onsets
PAIR = 2  # neighbours look alike and are never parted
CHANGES: dict[str, Any] = {  # recorded gathers bring their own noise
    "effects": {"snr_db": [10.0, 40.0], "noise_band": [5.0, 1200.0]},
    "picking.stretch": [0.8, 1.25],
    "picking.shift": [-0.01, 0.02],
    "picking.gain": [-1.5, 1.5],
    "picking.elsewhere": 0.1,
    "picking.sparse": 0.0,
    "picking.field_noise": False,
}


def recipe(labelled: int) -> tuple[float, int]:
    """Learning rate and steps that were best in benchmarks/results/first_breaks.md, for a number of gathers."""
    return (1.0e-3, 40) if labelled < PAIR else (5.0e-3, 120)


def own_recipe(gathers: int) -> tuple[float, int]:
    """Learning rate and steps of each round on the onsets of gathers without labels."""
    return 1.0e-3, min(max(40, 10 * gathers), 300)


def fine_tuning(
    labelled: Path, interval: float | None, train: list[int], held: list[int], steps: int
) -> dict[str, Any]:
    """Settings of a training on some gathers of a file."""
    return CHANGES | {
        "picking.labelled": str(labelled),
        "picking.interval": interval,
        "picking.train": train,
        "picking.held_out": held,
        "picking.draws": steps * BATCH,
        "training.batch_size": BATCH,
        "tune.epochs": 1,
    }


def pairs_held_out(gathers: int) -> list[tuple[list[int], list[int]]]:
    """(train, held) for each pair of neighbours; none if there are no two pairs."""
    pairs = [list(range(first, min(first + PAIR, gathers))) for first in range(0, gathers, PAIR)]
    if len(pairs) < 2:
        return []
    return [([each for other in pairs if other is not held for each in other], held) for held in pairs]
