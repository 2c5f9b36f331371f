"""Files of picks, for other programs.

.csv           gather, trace, trace in the file, receiver and source [m], pick [s], confidence
.sgy .segy     a copy of the SEG-Y file with the picks in its trace headers
.sgt           pyGIMLi's unified data format: positions, then source, geophone, time [s]
.png           the gathers with their picks
"""

import csv
import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from datagen.errors import InputError
from datagen.files.outputs import check_outputs
from datagen.files.whole_files import whole
from datagen.traces.gathers import Recording
from datagen.traces.trace_file import SEGY_SUFFIXES, open_segy

log = logging.getLogger(__name__)

OUTPUTS = (".csv", *SEGY_SUFFIXES, ".sgt", ".png")
PICK_WORD, CONFIDENCE_WORD = 233, 237  # bytes of a trace header that SEG-Y leaves free, four each
NO_PICK = -1
MOST_DRAWN = 4  # gathers in a picture


@dataclass(frozen=True, kw_only=True)
class GatherPicks:
    """The picks of one gather, trace by trace."""

    time_R: NDArray[np.float64]  # [s] after the shot; NaN if there is none
    confidence_R: NDArray[np.float64]  # between 0 and 1


def check_pick_outputs(outputs: Sequence[Path], source: Path, network: Path) -> None:
    """Raises InputError as `check_outputs` for the files `source` and `network`, or SEG-Y from another format."""
    for file in check_outputs(outputs, OUTPUTS, [source, network]):
        if file.suffix.lower() in SEGY_SUFFIXES and source.suffix.lower() not in SEGY_SUFFIXES:
            raise InputError(
                f"output {file}: picks go into a copy of a SEG-Y file, {source} is not SEG-Y; write .csv or .sgt"
            )


def write_picks(file: Path, recording: Recording, picks: Sequence[GatherPicks], source: Path, interval: float) -> Path:
    """Writes one output, under another name until it is whole.  Raises InputError: no positions for an .sgt."""
    with whole(file) as part:
        match file.suffix.lower():
            case ".csv":
                _write_csv(part, recording, picks)
            case ".sgt":
                part.write_text(_sgt(file, recording, picks, source), encoding="utf-8")
            case ".png":
                draw_picks(part, recording, picks, interval)
            case _:
                _write_headers(part, recording, picks, source)
    return file


def _write_csv(file: Path, recording: Recording, picks: Sequence[GatherPicks]) -> None:
    with file.open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream)
        rows.writerow(["gather", "trace", "trace_in_file", "receiver_m", "source_m", "pick_s", "confidence"])
        for gather, picked in enumerate(picks):
            for trace, (time, confidence) in enumerate(zip(picked.time_R, picked.confidence_R, strict=True)):
                receiver = "" if recording.receivers is None else f"{recording.receivers[gather][trace]:.10g}"
                source = "" if recording.sources is None else f"{recording.sources[gather]:.10g}"
                pick = f"{time:.6f}" if np.isfinite(time) else ""
                number = int(recording.traces[gather][trace])
                rows.writerow([gather, trace, number, receiver, source, pick, f"{confidence:.4f}"])


def _write_headers(file: Path, recording: Recording, picks: Sequence[GatherPicks], source: Path) -> None:
    """Bytes 233-236: the pick after the shot [µs], -1 for none; bytes 237-240: the confidence in ten-thousandths."""
    original = open_segy(source)
    words_N2 = np.tile([NO_PICK, 0], (original.traces, 1))
    for numbers, picked in zip(recording.traces, picks, strict=True):
        microseconds_R = np.rint(1e6 * np.nan_to_num(picked.time_R))
        words_N2[numbers, 0] = np.where(np.isfinite(picked.time_R), microseconds_R, NO_PICK)
        words_N2[numbers, 1] = np.rint(1e4 * picked.confidence_R)
    shutil.copyfile(source, file)
    original.write_words(file, PICK_WORD, words_N2)


def _sgt(file: Path, recording: Recording, picks: Sequence[GatherPicks], source: Path) -> str:
    """Points are x along the line and height; without heights in the file they are 0, with a warning."""
    if recording.receivers is None or recording.sources is None:
        raise InputError(
            f"output {file.name}: an .sgt needs positions, but {source} has "
            "none of source and receivers; give --spacing and --source, or write .csv"
        )
    if recording.heights is None:
        log.warning("%s: has no heights, so that the points of %s are on a level", source, file.name)
    receiver_heights, source_heights = recording.heights or (
        [np.zeros(len(each)) for each in recording.receivers],
        [0.0] * len(recording.sources),
    )
    at_N = np.concatenate([*recording.receivers, recording.sources])
    heights_N = np.concatenate([*receiver_heights, source_heights])
    places_P, first_P = np.unique(at_N, return_index=True)
    points = [f"{place:.10g} {height:.10g}" for place, height in zip(places_P, heights_N[first_P], strict=True)]
    lines = [f"{len(points)} # shot/geophone points", "#x y", *points]
    measured = []
    for receivers_R, at, picked in zip(recording.receivers, recording.sources, picks, strict=True):
        shot = int(np.searchsorted(places_P, at)) + 1
        for receiver, time in zip(receivers_R, picked.time_R, strict=True):
            if np.isfinite(time) and time > 0 and receiver != at:  # pyGIMLi refuses zero times and distances
                measured.append(f"{shot} {int(np.searchsorted(places_P, receiver)) + 1} {time:.6f}")
    lines += [f"{len(measured)} # measurements", "#s g t", *measured]
    return "\n".join(lines) + "\n"


def draw_picks(file: Path, recording: Recording, picks: Sequence[GatherPicks], interval: float) -> None:
    """The first gathers, each trace scaled to its largest amplitude, with picks in red, pale if unsure."""
    shown = min(MOST_DRAWN, len(picks))
    figure = Figure(figsize=(1 + 3.6 * shown, 4.2), layout="constrained")
    axes = figure.subplots(1, shown, squeeze=False)[0]
    for number, axis in enumerate(axes):
        draw_gather(axis, recording.gathers[number], interval, float(recording.starts[number].min()))
        picked = picks[number]
        rgba = np.tile([0.85, 0.1, 0.1, 1.0], (len(picked.time_R), 1))
        rgba[:, 3] = 0.2 + 0.8 * picked.confidence_R
        axis.scatter(np.arange(len(picked.time_R)), 1e3 * picked.time_R, s=9, c=rgba, label="pick")
        axis.set_title(f"gather {number}", fontsize=9)
    axes[0].set_ylabel("time [ms]")
    figure.savefig(file, dpi=110, format="png")


def draw_gather(axis: Any, gather_TR: NDArray[np.float32], interval: float, start: float = 0.0) -> None:
    """One gather on matplotlib axes: traces across, time in ms downwards."""
    gather_TR = np.nan_to_num(gather_TR)
    samples, receivers = gather_TR.shape
    scaled_TR = gather_TR / np.maximum(np.abs(gather_TR).max(0), np.finfo(np.float32).tiny)
    ends = (-0.5, receivers - 0.5, 1e3 * (start + samples * interval), 1e3 * start)
    axis.imshow(scaled_TR, cmap="gray", vmin=-0.5, vmax=0.5, aspect="auto", extent=ends, interpolation="nearest")
    axis.set_xlabel("trace")
