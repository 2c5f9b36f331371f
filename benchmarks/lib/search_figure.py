"""What strategies find against what they cost, winners' whole training included."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from lib.record import Row
from matplotlib.figure import Figure

from datagen.files.whole_files import whole

DRAWS, MOST = 2000, 8


def draw_search(cells: Sequence[Row], replayed: Sequence[Row], found: Sequence[Row], outcome: str, file: Path) -> None:
    """`cells`: random ones, trained in full, whose best of 1 to MOST is the curve; `found`: by one-shot searches."""
    full = 60 * float(np.mean([cell["core_minutes"] for cell in cells]))  # [s] of a core
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, len(cells), (DRAWS, MOST))
    validation, test = (np.array([cell[name] for cell in cells])[drawn] for name in ("rtm_ssim", outcome))
    best = np.array([test[np.arange(DRAWS), validation[:, :many].argmax(1)] for many in range(1, MOST + 1)])
    figure = Figure((9.5, 4), layout="constrained")
    axes = figure.subplots()
    cost = full * np.arange(1, MOST + 1)
    axes.fill_between(cost, *np.quantile(best, (0.25, 0.75), axis=1), color="#c9d3e0", label="half of the draws")
    axes.plot(cost, best.mean(1), color="#2b2d42", label="random: best of so many, trained in full")
    for row in replayed:
        if row["strategy"].startswith("halving"):
            spread = {"yerr": row["ssim_std"], "fmt": "o", "capsize": 3}
            axes.errorbar(row["cost_core_seconds"], row["ssim_mean"], **spread, label=row["strategy"])
    for strategy in dict.fromkeys(row["strategy"] for row in found):
        each = [row for row in found if row["strategy"] == strategy]
        spent = [row["cost_core_seconds"] + 60 * row["core_minutes"] for row in each]
        axes.plot(spent, [row[outcome] for row in each], "x", label=f"{strategy}, each seed")
    axes.set_xlabel("cost, the winner's whole training included [s of a core]")
    axes.set_ylabel("SSIM of the RTM image, test split")
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1.0), fontsize="small", frameon=False)
    with whole(file) as part:
        figure.savefig(part, dpi=120, format="png")
