"""A contact sheet of a data set: velocity, middle shot gather and RTM image of some models, one a row."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from datagen.config import Data
from datagen.positions import distances
from datagen.shards import ShardRecord, load_manifest, open_array, require_same

ROW_HEIGHT, EDGE = 3.0, 1.0  # [inch] of a row; above and below them all, together
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
    height = ROW_HEIGHT * rows + EDGE
    figure = Figure(figsize=(13.5, height))
    axes = figure.subplots(rows, 3, squeeze=False)
    edge = EDGE / 2 / height  # set by hand: automatic layout takes a second a row
    figure.subplots_adjust(0.08, edge, 0.94, 1 - edge, wspace=0.36, hspace=0.15)
    for row, (velocity_ZX, gather_TR, image_ZX) in zip(
        range(rows), _models(data.folder, records, middle), strict=False
    ):
        _draw_section(axes[row, 0], velocity_ZX, data, "velocity [m/s]", "viridis", _ends(data))
        _mark_source(axes[row, 0], data, middle)
        axes[row, 0].set_ylabel(f"{split} {row + 1}\ndepth [m]")
        _draw_gather(axes[row, 1], gather_TR, data, f"shot {middle + 1} of {data.survey.shots}, pressure")
        clip = _symmetric(image_ZX, IMAGE_CLIP)
        _draw_section(axes[row, 2], image_ZX, data, "RTM image", "gray", clip)
    for column in axes.T:
        for inner, below in itertools.pairwise(column):
            below.set_title("")
            inner.set_xlabel("")
            inner.tick_params(labelbottom=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)


def _models(
    folder: str, records: list[ShardRecord], shot: int
) -> Iterator[tuple[NDArray[Any], NDArray[Any], NDArray[Any]]]:
    """velocity_ZX, gather_TR, image_ZX of each model of the shards."""
    for record in records:
        data, model, image = (open_array(folder, record, kind) for kind in ("data", "model", "image"))
        for row in range(record.shard.models):
            yield model[row, 0], data[row, shot].astype(np.float32), image[row, 0]


def _ends(data: Data) -> tuple[float, float]:
    lowest, highest = data.geology.velocity
    return lowest, max(highest, data.salt.velocity) if data.salt.probability > 0 else highest


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


def _mark_source(axes: Axes, data: Data, shot: int) -> None:
    distances_S, _ = distances(data)
    place = (distances_S[shot] + 0.5) * data.grid.spacing, data.survey.source_depth
    axes.plot(*place, "v", color="red", markersize=8, clip_on=False)


def _draw_gather(axes: Axes, gather_TR: NDArray[Any], data: Data, title: str) -> None:
    width, duration = data.grid.nx * data.grid.spacing, data.survey.samples * data.survey.interval
    low, high = _symmetric(gather_TR, GATHER_CLIP)
    picture = axes.imshow(gather_TR, cmap="gray", vmin=low, vmax=high, extent=(0, width, duration, 0), aspect="auto")
    axes.set(title=title, xlabel="receiver at [m]", ylabel="time [s]")
    _colour_bar(axes, picture)


def _colour_bar(axes: Axes, picture: Any) -> None:
    figure = axes.figure
    assert isinstance(figure, Figure)
    figure.colorbar(picture, ax=axes)
