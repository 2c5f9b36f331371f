"""A contact sheet of a data set: velocity, middle shot gather and RTM image of some models, one per row.

First breaks, if the data set has them, are a line on the gather.
"""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from datagen.config import Data
from datagen.files.outputs import check_outputs
from datagen.files.whole_files import whole
from datagen.files.writing import reported
from datagen.ground.ranges import velocity_range
from datagen.shards.manifest import ArrayKind, ShardRecord, load_manifest, open_array, require_same, stored_kinds
from datagen.waves.positions import distances

PANELS: tuple[ArrayKind, ...] = ("model", "data", "image")
ENDINGS = (".png", ".pdf", ".svg", ".jpg")
SHEET, ROWS = "sheet.png", 4  # in the folder of every data set that was generated
PANEL_WIDTH, ROW_HEIGHT, EDGE = 4.5, 3.0, 1.0  # [inch]; the edge is above and below all rows, together
GATHER_CLIP, IMAGE_CLIP = 93.0, 99.5  # percentile of |amplitude| at which the grey scale ends


def contact_sheet(data: Data, split: str, count: int, path: Path) -> None:
    """Writes a picture (format by its suffix) of the first `count` models of a split.

    Raises InputError: no finished data set of this configuration, unknown split, shard missing or truncated, or a
    picture that cannot be written there.
    """
    check_outputs([path], ENDINGS, [data.folder], new_folder=True)
    with reported(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    _write_sheet(data, split, count, path)


def own_sheet(data: Data, *, new: bool) -> Path:
    """The contact sheet in the folder of a finished data set, drawn if that is `new`, or if it is not there yet.

    Raises InputError as `contact_sheet`.
    """
    path = Path(data.folder) / SHEET
    if new or not path.exists():
        _write_sheet(data, "train", ROWS, path)
    return path


def _write_sheet(data: Data, split: str, count: int, path: Path) -> None:
    manifest = load_manifest(data.folder)
    require_same(manifest, data)
    records = manifest.of_split(split)
    rows = min(count, sum(record.shard.models for record in records))
    middle = data.survey.shots // 2
    kinds: list[ArrayKind] = [kind for kind in PANELS if kind in stored_kinds(manifest.data)]
    height = ROW_HEIGHT * rows + EDGE
    figure = Figure(figsize=(PANEL_WIDTH * len(kinds), height))
    axes = figure.subplots(rows, len(kinds), squeeze=False)
    edge = EDGE / 2 / height  # set by hand: automatic layout takes a second per row
    figure.subplots_adjust(0.24 / len(kinds), edge, 1 - 0.18 / len(kinds), 1 - edge, wspace=0.36, hspace=0.15)
    for row, panels in zip(range(rows), _models(manifest.data, data.folder, records, middle), strict=False):
        for kind, place in zip(kinds, axes[row], strict=True):
            if kind == "model":
                _draw_section(place, panels[kind], data, "velocity [m/s]", "viridis", velocity_range(manifest.data))
                _mark_source(place, data, middle)
            elif kind == "data":
                _draw_gather(place, panels[kind], data, f"shot {middle + 1} of {data.survey.shots}, pressure")
                if "first_break" in panels:
                    _draw_first_breaks(place, panels["first_break"], data)
            else:
                clip = _symmetric(panels[kind], IMAGE_CLIP)
                _draw_section(place, panels[kind], data, "RTM image", "gray", clip)
        axes[row, 0].set_ylabel(f"{split} {row + 1}\n{axes[row, 0].get_ylabel()}")
    for column in axes.T:
        for inner, below in itertools.pairwise(column):
            below.set_title("")
            inner.set_xlabel("")
            inner.tick_params(labelbottom=False)
    with whole(path) as part:
        figure.savefig(part, dpi=100, format=path.suffix[1:].lower())


def _models(data: Data, folder: str, records: list[ShardRecord], shot: int) -> Iterator[dict[ArrayKind, NDArray[Any]]]:
    """Of each model of the shards: velocity_ZX, gather_TR and first breaks [R] of the shot, image_ZX."""
    for record in records:
        arrays = {kind: open_array(folder, data, record, kind) for kind in stored_kinds(data)}
        for row in range(record.shard.models):
            yield {
                kind: array[row, shot if kind in ("data", "first_break") else 0].astype(np.float32)
                for kind, array in arrays.items()
            }


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
    axes.plot(*place, "v", color="white", markeredgecolor="black", markersize=8, clip_on=False)


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
