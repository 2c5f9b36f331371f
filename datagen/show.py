"""A contact sheet of a data set: velocity, middle shot gather and RTM image of some models, one a row.

First breaks, where the data set has them, are a line on the gather.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from datagen.config import Data
from datagen.geology import velocity_range
from datagen.shards import ShardRecord, kinds_of, load_manifest, open_array, require_same

ROW_HEIGHT = 3.0  # [inch]
GATHER_CLIP, IMAGE_CLIP = 93.0, 99.5  # percentile of |amplitude| at which the grey scale ends


def contact_sheet(data: Data, split: str, count: int, path: Path) -> None:
    """Writes a picture (format by its suffix) of the first `count` models of a split.

    Raises InputError: no finished data set of this configuration, unknown split, shard missing or truncated.
    """
    manifest = load_manifest(data.folder)
    require_same(manifest, data)
    records = manifest.of_split(split)
    rows = min(count, sum(record.shard.models for record in records))
    middle = data.survey.shots // 2
    figure = Figure(figsize=(11, ROW_HEIGHT * rows))
    axes = figure.subplots(rows, 3, squeeze=False)
    margin = 0.5 / (ROW_HEIGHT * rows)  # set by hand: automatic layout takes a second a row
    figure.subplots_adjust(0.06, margin, 0.95, 1 - 0.6 * margin, wspace=0.3, hspace=0.4)
    for row, (velocity_ZX, gather_TR, image_ZX, times_R) in zip(
        range(rows), _models(data, records, middle), strict=False
    ):
        _draw_section(axes[row, 0], velocity_ZX, data, "velocity [m/s]", "viridis", velocity_range(data))
        _draw_gather(axes[row, 1], gather_TR, data, f"shot {middle + 1} of {data.survey.shots}, pressure")
        if times_R is not None:
            _draw_first_breaks(axes[row, 1], times_R, data)
        clip = _symmetric(image_ZX, IMAGE_CLIP)
        _draw_section(axes[row, 2], image_ZX, data, "RTM image", "gray", clip)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)


def _models(
    data: Data, records: list[ShardRecord], shot: int
) -> Iterator[tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any] | None]]:
    """velocity_ZX, gather_TR, image_ZX and, if there are any, first breaks [R] of each model of the shards."""
    for record in records:
        shards = {kind: open_array(data.folder, record, kind) for kind in kinds_of(data)}
        for row in range(record.shard.models):
            times_R = shards["first_break"][row, shot] if data.first_breaks else None
            gather_TR = shards["data"][row, shot].astype(np.float32)
            yield shards["model"][row, 0], gather_TR, shards["image"][row, 0], times_R


def _symmetric(array: NDArray[Any], percentile: float) -> tuple[float, float]:
    clip = float(np.percentile(np.abs(array), percentile))
    return -clip, clip


def _draw_section(
    axes: Axes, section_ZX: NDArray[Any], data: Data, title: str, colours: str, ends: tuple[float, float]
) -> None:
    width, depth = data.grid.nx * data.grid.spacing, data.grid.nz * data.grid.spacing
    picture = axes.imshow(
        section_ZX, cmap=colours, vmin=ends[0], vmax=ends[1], extent=(0, width, depth, 0), aspect="auto"
    )
    axes.set(title=title, xlabel="distance [m]", ylabel="depth [m]")
    _colour_bar(axes, picture)


def _draw_gather(axes: Axes, gather_TR: NDArray[Any], data: Data, title: str) -> None:
    width, duration = data.grid.nx * data.grid.spacing, data.survey.samples * data.survey.interval
    low, high = _symmetric(gather_TR, GATHER_CLIP)
    picture = axes.imshow(gather_TR, cmap="gray", vmin=low, vmax=high, extent=(0, width, duration, 0), aspect="auto")
    axes.set(title=title, xlabel="receiver at [m]", ylabel="time [s]")
    _colour_bar(axes, picture)


def _draw_first_breaks(axes: Axes, times_R: NDArray[Any], data: Data) -> None:
    width, traces = data.grid.nx * data.grid.spacing, len(times_R)
    limits = axes.get_ylim()
    axes.plot((np.arange(traces) + 0.5) * width / traces, times_R, "r-", linewidth=1, label="first breaks")
    axes.set_ylim(limits)
    axes.legend(loc="lower right", fontsize="small")


def _colour_bar(axes: Axes, picture: Any) -> None:
    figure = axes.figure
    assert isinstance(figure, Figure)
    figure.colorbar(picture, ax=axes)
