"""The figure of bench_calibration.py: scores against the error of depth, and examples below."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from lib.record import Row
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from datagen.config import Grid
from datagen.files.whole_files import whole
from trials.prediction.section_pictures import reach

STYLES = {  # fault: label, colour, marker, line
    "moved down": ("true image, moved down", "black", "o", "-"),
    "stretched": ("true image, stretched in depth", "dimgray", "s", "--"),
    "velocity times": ("velocity × 1.01, 1.02, 1.05, 1.1", "tab:red", "D", ":"),
    "smooth random errors": ("velocity, smooth errors of 1, 2, 5, 10 %", "tab:orange", "^", ":"),
    "slowness smoothed": ("slowness smoothed by 5, 10, 20 cells", "tab:green", "v", ":"),
    "average v(z)": ("average v(z) of the model, of the data set", "tab:purple", "P", ""),
    "velocity of the network": ("RTM in the network's velocity", "tab:blue", "*", ""),
}

NETWORK, ZEROS = "network of imaging.md", "image of zeros"
LINE = 0.038  # height of a text, share of the axis
PAPER = {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 0.5}


@dataclass(frozen=True, kw_only=True)
class Example:
    title: str
    image_ZX: NDArray[Any]


def draw(rows: Sequence[Row], examples: Sequence[Example], grid: Grid, wavelength: float, file: Path) -> None:
    """Writes a PNG; `wavelength` in m."""
    figure = Figure(figsize=(13.0, 8.4), layout="constrained")
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=(2.0, 1.0))[:, 0]
    for axes, score in zip(above.subplots(1, 2), ("ssim", "correlation"), strict=True):
        draw_scores(axes, rows, score, wavelength)
    handles, labels = above.axes[0].get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))
    above.legend(list(once.values()), list(once), loc="outside lower center", ncols=4, fontsize=9, frameon=False)
    white = reach(examples[0].image_ZX)
    extent = (0.0, grid.nx * grid.spacing, grid.nz * grid.spacing, 0.0)
    panels = below.subplots(1, len(examples), sharey=True)
    for axes, example in zip(panels, examples, strict=True):
        axes.imshow(example.image_ZX, cmap="gray", vmin=-white, vmax=white, extent=extent)
        axes.set_title(example.title, fontsize=9)
        axes.set_xlabel("distance [m]")
    panels[0].set_ylabel("depth [m]")
    with whole(file) as part:
        figure.savefig(part, dpi=110, format="png")


def draw_scores(axes: Axes, rows: Sequence[Row], score: str, wavelength: float) -> None:
    """One score of all faults whose error of depth is known; levels of networks and of zeros across."""
    for fault, (label, colour, marker, line) in STYLES.items():
        of_fault = [row for row in rows if row["fault"] == fault]
        points = [(row["depth_error_m"], row[f"{score}_mean"]) for row in of_fault]
        if fault in ("moved down", "stretched"):
            points = [(0.0, 1.0), *points]
        axes.plot(*zip(*points, strict=True), color=colour, marker=marker, linestyle=line or "none", label=label)
    end = 1.2 * max(row.get("depth_error_m", 0.0) for row in rows)
    draw_levels(axes, [row for row in rows if row["fault"] in (NETWORK, ZEROS)], score, end)
    axes.set(xlabel="mean error of depth [m]", ylabel={"ssim": "SSIM"}.get(score, score), xlim=(0, end))
    axes.grid(alpha=0.3)
    in_lengths = (partial(np.multiply, 1 / wavelength), partial(np.multiply, wavelength))
    axes.secondary_xaxis("top", functions=in_lengths).set_xlabel(f"in wavelengths of {wavelength:.0f} m")


def draw_levels(axes: Axes, rows: Sequence[Row], score: str, end: float) -> None:
    """A line across for each; on that of an SSIM, whose it is, and a ring where the true image moved down has as much.

    Texts lie on their lines, or lower where the text of a higher line is; that of zeros hangs below.
    """
    bottom, top = axes.get_ylim()
    free = top
    for row in sorted(rows, key=lambda row: -row[f"{score}_mean"]):
        level, like, network = row[f"{score}_mean"], row["like_moved_m"], row["fault"] == NETWORK
        colour, text = "tab:blue" if network else "gray", f"{level:.3f}"
        axes.axhline(level, color=colour, linewidth=0.8, zorder=1)
        if score == "ssim":
            text = f"{row['size'] or row['fault']}: {text}"
            if like is not None:
                text += f", like {like:g} m too deep"
                label = "networks of imaging.md" if network else ZEROS
                axes.plot(
                    like, level, "o", color=colour, fillstyle="none", markersize=11, linestyle="none", label=label
                )
        free = min(level, free - LINE * (top - bottom))
        place = "bottom" if network else "top"
        axes.annotate(f"{text} ", (end, free), ha="right", va=place, fontsize=8.5, bbox=PAPER, zorder=1.5)
