"""A picture of sections side by side, in metres, depth downwards."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from datagen.config import Grid
from datagen.files.whole_files import whole

COLUMNS = 4


@dataclass(frozen=True, kw_only=True)
class Section:
    """One panel."""

    title: str
    values_ZX: NDArray[Any]
    colours: str  # name of a matplotlib colour map
    range: tuple[float, float]
    unit: str


def velocity_section(title: str, velocity_ZX: NDArray[Any], span: tuple[float, float]) -> Section:
    """Velocities [m/s] coloured from the slowest to the fastest of `span`."""
    return Section(title=title, values_ZX=velocity_ZX, colours="viridis", range=span, unit="m/s")


def image_section(title: str, image_ZX: NDArray[Any], reach: float) -> Section:
    """A migrated image, zero in mid-gray, `reach` in white."""
    return Section(title=title, values_ZX=image_ZX, colours="gray", range=(-reach, reach), unit="amplitude")


def on_one_scale(
    titles: Sequence[str], values: Sequence[NDArray[Any]], truth_ZX: NDArray[Any], *, signed: bool
) -> list[Section]:
    """Images, or velocities where not `signed`, in the range of the true one."""
    if signed:
        white = reach(truth_ZX)
        return [image_section(title, each, white) for title, each in zip(titles, values, strict=True)]
    span = float(truth_ZX.min()), float(truth_ZX.max())
    return [velocity_section(title, each, span) for title, each in zip(titles, values, strict=True)]


def difference_section(title: str, difference_ZX: NDArray[Any], reach: float) -> Section:
    """Errors of velocities [m/s]: blue where too slow, red where too fast, in full colour from `reach` on."""
    return Section(title=title, values_ZX=difference_ZX, colours="RdBu_r", range=(-reach, reach), unit="m/s")


def reach(image: NDArray[Any]) -> float:
    """The amplitude drawn in white; few samples are above it."""
    return float(np.percentile(np.abs(image), 99.5)) or 1.0


def draw_sections(sections: Sequence[Section], grid: Grid, file: Path, heading: str, *, columns: int = COLUMNS) -> None:
    """Writes a PNG; replaces an existing one in one step."""
    columns = min(columns, len(sections))
    rows = -(-len(sections) // columns)
    height = 2.6 * grid.nz / grid.nx + 0.9
    figure = Figure(figsize=(4.0 * columns, height * rows + 0.4), layout="constrained")
    figure.suptitle(heading, fontsize=12)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    extent = (0.0, grid.nx * grid.spacing, grid.nz * grid.spacing, 0.0)
    for axes, section in zip(panels, sections, strict=False):
        drawn = axes.imshow(
            section.values_ZX,
            cmap=section.colours,
            vmin=section.range[0],
            vmax=section.range[1],
            extent=extent,
            interpolation="nearest",
        )
        axes.set(title=section.title)
        figure.colorbar(drawn, cax=axes.inset_axes((1.04, 0.0, 0.05, 1.0)), label=section.unit)
    for axes in panels[: len(sections) : columns]:
        axes.set_ylabel("depth [m]")
    for axes in panels[max(0, len(sections) - columns) : len(sections)]:
        axes.set_xlabel("distance [m]")
    for axes in panels[len(sections) :]:
        axes.axis("off")
    with whole(file) as part:
        figure.savefig(part, dpi=130, format="png")
