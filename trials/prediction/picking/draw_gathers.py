"""Pictures of gathers with their picks: the part of the record where these lie."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from trials.prediction.picking.picks import PickedFile

MOST_DRAWN = 4  # gathers in a picture
MARGIN = 0.25  # of the time between the first and the last pick, shown before and after
LEAST = 0.02  # [s] the same, at the least
TICKS = 6  # offsets written below a gather
CLIP = 2.0  # times a trace's root mean square is black or white


def draw_survey(file: Path, picked: Sequence[PickedFile]) -> None:
    """Gathers from all of the survey, with picks in red, pale if unsure; a .png says how many of how many."""
    gathers = [(each, number) for each in picked for number in range(len(each.picks))]
    with_picks = [at for at, (each, number) in enumerate(gathers) if np.isfinite(each.picks[number].time_R).any()]
    with_picks = with_picks or list(range(len(gathers)))
    shown = np.unique(np.linspace(0, len(with_picks) - 1, MOST_DRAWN).round().astype(int))
    figure = Figure(figsize=(1 + 3.6 * len(shown), 4.4), layout="constrained")
    axes = figure.subplots(1, len(shown), squeeze=False)[0]
    for axis, at in zip(axes, np.array(with_picks)[shown], strict=True):
        each, number = gathers[at]
        recording, picks = each.recording, each.picks[number]
        start = float(recording.starts[number].min())
        draw_gather(axis, recording.gathers[number], each.interval, start, picks.time_R)
        rgba = np.tile([0.85, 0.1, 0.1, 1.0], (len(picks.time_R), 1))
        rgba[:, 3] = 0.2 + 0.8 * picks.confidence_R
        axis.scatter(np.arange(len(picks.time_R)), 1e3 * picks.time_R, s=9, c=rgba, label="pick")
        if recording.receivers is not None and recording.sources is not None:
            _write_offsets(axis, recording.receivers[number] - recording.sources[number])
        axis.set_title(f"gather {at}, {each.file.name}" if len(picked) > 1 else f"gather {at}", fontsize=9)
    axes[0].set_ylabel("time [ms]")
    figure.suptitle(f"{len(shown)} of {len(gathers)} gathers", fontsize=9)
    figure.savefig(file, dpi=110, format="png")


def draw_gather(
    axis: Any, gather_TR: NDArray[np.float32], interval: float, start: float, times_R: NDArray[np.floating]
) -> None:
    """The part of a gather around `times_R` [s] on matplotlib axes, or all: traces across, time in ms downwards."""
    known = (
        times_R[np.isfinite(times_R)]
        if np.isfinite(times_R).any()
        else start + interval * np.array([0, len(gather_TR)])
    )
    first, last = float(known.min()) - start, float(known.max()) - start
    margin = max(MARGIN * (last - first), LEAST)
    begin = max(0, int((first - margin) / interval))
    gather_TR = np.nan_to_num(gather_TR[begin : int((last + margin) / interval) + 1])
    samples, receivers = gather_TR.shape
    begun = start + begin * interval
    scaled_TR = gather_TR / np.maximum(gather_TR.std(0), np.finfo(np.float32).tiny)
    ends = (-0.5, receivers - 0.5, 1e3 * (begun + samples * interval), 1e3 * begun)
    axis.imshow(scaled_TR, cmap="gray", vmin=-CLIP, vmax=CLIP, aspect="auto", extent=ends, interpolation="nearest")
    axis.set_ylim(ends[2:])
    axis.set_xlabel("trace")


def _write_offsets(axis: Any, offset_R: NDArray[np.float64]) -> None:
    ticks = np.unique(np.linspace(0, len(offset_R) - 1, TICKS).round().astype(int))
    axis.set_xticks(ticks, [f"{offset_R[tick]:.4g}" for tick in ticks])
    axis.set_xlabel("offset [m]")
