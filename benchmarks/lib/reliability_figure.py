"""What a confidence is worth: the share of picks near the label against the confidence, as a reliability diagram."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from trials.results.pick_errors import Found

EDGES = np.linspace(0, 1, 11)
FEWEST = 20  # picks of a bin: with fewer the share says nothing


def draw_reliability(found: Mapping[str, Found], near: float, file: Path) -> None:
    """A line for each picker; `near` [ms]."""
    figure = Figure(figsize=(5.5, 5.6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    above.plot([0, 1], [0, 1], "--", color="0.6", label="as sure as right")
    for name, picks in found.items():
        place_N = np.digitize(picks.confidence_N, EDGES[1:-1])
        counts = np.bincount(place_N, minlength=len(EDGES) - 1)
        near_N = np.abs(picks.error_N) <= near
        share = np.bincount(place_N, weights=near_N, minlength=len(counts)) / counts.clip(1)
        confidence = np.bincount(place_N, weights=picks.confidence_N, minlength=len(counts)) / counts.clip(1)
        shown = counts >= FEWEST
        (line,) = above.plot(confidence[shown], share[shown], "o-", label=name)
        below.stairs(counts / counts.sum(), EDGES, color=line.get_color())
    above.set(ylabel=f"share within {near:g} ms", ylim=(0, 1))
    above.legend(frameon=False)
    below.set(xlabel="confidence", ylabel="share of picks", xlim=(0, 1))
    figure.savefig(file, dpi=120)
