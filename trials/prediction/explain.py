"""Does a predicted velocity explain the shots?  What it would give, beside what was recorded; no truth is needed.

shots ─► bundle ─► velocity ─► wave equation ─► modelled shots ─┐
  └─────────────────────────────────────────────────────────────┴─► misfit.json, and a picture of the first model
"""

import json
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from rich.table import Table

from datagen.config import Data
from datagen.files.whole_files import whole
from datagen.waves.positions import distances
from trials.prediction.misfit import PERIODS, Misfit, gain, measure_misfit, window_edges
from trials.prediction.predicted_velocity import PredictedVelocity
from trials.prediction.unlike import unlike_shots, unlike_velocity

MOST_DRAWN = 6  # shots in the picture, from the first to the last
MOST_ROWS = 12  # in the table on the terminal

Array = NDArray[Any]
Record = dict[str, Any]


def misfit_files(beside: Path) -> list[Path]:
    """NAME_misfit.json and NAME_misfit.png beside the file called NAME."""
    return [beside.with_name(f"{beside.stem}_misfit{ending}") for ending in (".json", ".png")]


def write_misfit(
    velocity: PredictedVelocity, batches: Iterable[NDArray[np.float32]], beside: Path, name: str, shots: Path
) -> list[Path]:
    """Writes NAME_misfit.json and NAME_misfit.png beside the file `beside` called NAME, and returns their paths.

    The .json has for each model `misfit`, `shots` [S], `windows` [S, W] and `scale` [S] as in `Misfit` (null where
    nothing was recorded), and `unlike_training`, what is strange about the shots or their velocity.
    """
    files = misfit_files(beside)
    contents = velocity.imager.contents
    survey = contents.data.survey
    models: list[Record] = []
    for recorded_BSTR in batches:
        velocity_BZX = velocity(recorded_BSTR)
        modelled_BSTR, gain_BSTR = velocity.shoot(velocity_BZX), gain(recorded_BSTR, survey)
        misfit = measure_misfit(recorded_BSTR, modelled_BSTR, gain_BSTR)
        if not models:
            draw_shots(files[1], recorded_BSTR[0], modelled_BSTR[0], gain_BSTR[0], misfit, contents.data, name)
        for model in range(len(recorded_BSTR)):
            one = slice(model, model + 1)
            unlike = unlike_shots(recorded_BSTR[one], contents) + unlike_velocity(velocity_BZX[one], contents)
            models.append(_row(misfit, model) | {"unlike_training": unlike})
    record = {
        "bundle": name,
        "shots": str(shots),
        "window_edges_s": [round(edge * survey.interval, 9) for edge in window_edges(survey.samples)],
        "gain_length_s": PERIODS / survey.frequency,
        "models": models,
    }
    with whole(files[0]) as part:
        part.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return files


def misfit_table(record: Record) -> Table:
    """Of what is in the .json: a row for each shot, or for each of the first models with the medians of their shots."""
    edges, models = record["window_edges_s"], record["models"]
    spans = [f"{first:.3g}–{last:.3g} s" for first, last in pairwise(edges)]
    rows: list[tuple[str, Any, list[Any]]]
    if len(models) == 1:
        (model,) = models
        rows = [(str(n), *row) for n, row in enumerate(zip(model["shots"], model["windows"], strict=True), 1)]
        rows.append(("all", model["misfit"], _medians(model["windows"])))
    else:
        rows = [(str(n), model["misfit"], _medians(model["windows"])) for n, model in enumerate(models)]
        (typical,) = _medians([[misfit] for _, misfit, _ in rows])
        rows.append(("median", typical, _medians([windows for _, _, windows in rows])))
    unlike = sum(bool(model["unlike_training"]) for model in models)
    caption = f"0: explained, 1: no better than silence; unlike the training's data: {unlike} of {len(models)}"
    table = Table("shot" if len(models) == 1 else "model", "misfit", *spans, caption=caption)
    for title, misfit, windows in rows if len(rows) <= MOST_ROWS else [*rows[: MOST_ROWS - 1], rows[-1]]:
        table.add_row(title, *(_shown(value) for value in (misfit, *windows)))
    return table


def draw_shots(
    file: Path, recorded_STR: Array, modelled_STR: Array, gain_STR: Array, misfit: Misfit, data: Data, name: str
) -> None:
    """A PNG: recorded, modelled (scaled) and difference, all with the gain; a row for each shot, up to six."""
    shots = np.unique(np.linspace(0, len(recorded_STR) - 1, MOST_DRAWN).round().astype(int))
    receivers_R = distances(data)[1] * data.grid.spacing
    duration = data.survey.samples * data.survey.interval
    edges = np.array(window_edges(data.survey.samples)) * data.survey.interval
    figure = Figure(figsize=(10.0, 2.6 * len(shots) + 0.6), layout="constrained")
    figure.suptitle(f"{name}: does its velocity explain the shots?  misfit {misfit.whole_N[0]:.2f}", fontsize=12)
    for row, shot in zip(figure.subplots(len(shots), 3, squeeze=False, sharex=True, sharey=True), shots, strict=True):
        scale = float(np.nan_to_num(misfit.scale_NS[0, shot]))
        recorded_TR, modelled_TR = gain_STR[shot] * recorded_STR[shot], scale * gain_STR[shot] * modelled_STR[shot]
        titles = (
            f"shot {shot + 1}, recorded",
            f"modelled, times {scale:.3g}",
            f"difference, misfit {misfit.shots_NS[0, shot]:.2f}",
        )
        white = float(np.percentile(np.abs(recorded_TR), 99)) or 1.0
        for axes, title, gather_TR in zip(
            row, titles, (recorded_TR, modelled_TR, recorded_TR - modelled_TR), strict=True
        ):
            extent = (receivers_R[0], receivers_R[-1], duration, 0.0)
            axes.imshow(gather_TR, cmap="gray", vmin=-white, vmax=white, extent=extent, aspect="auto")
            axes.set_title(title, fontsize=10)
        for first, last, value in zip(edges, edges[1:], misfit.windows_NSW[0, shot], strict=False):
            row[2].axhline(last, color="tab:orange", linewidth=0.5)
            row[2].text(
                1.02,
                (first + last) / 2,
                f"{value:.2f}",
                transform=row[2].get_yaxis_transform(),
                fontsize=8,
                va="center",
            )
        row[0].set_ylabel("time [s]")
    for axes in figure.axes[-3:]:
        axes.set_xlabel("distance [m]")
    with whole(file) as part:
        figure.savefig(part, dpi=130, format="png")


def _row(misfit: Misfit, model: int) -> Record:
    return {
        "misfit": _numbers(misfit.whole_N[model]),
        "shots": _numbers(misfit.shots_NS[model]),
        "windows": _numbers(misfit.windows_NSW[model]),
        "scale": _numbers(misfit.scale_NS[model]),
    }


def _numbers(values: Any) -> Any:
    """As JSON has them: four digits are enough, and what is not a number is null."""
    if np.ndim(values):
        return [_numbers(each) for each in values]
    return float(f"{values:.4g}") if np.isfinite(values) else None


def _medians(rows: list[list[float | None]]) -> list[float | None]:
    """Of each column, without what is missing in it."""
    columns = [[value for value in column if value is not None] for column in zip(*rows, strict=True)]
    return [median(column) if column else None for column in columns]


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
