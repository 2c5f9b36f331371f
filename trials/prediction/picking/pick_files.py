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
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datagen.errors import InputError
from datagen.files.outputs import check_outputs
from datagen.files.whole_files import whole
from datagen.traces.gathers import Recording
from datagen.traces.trace_file import SEGY_SUFFIXES, open_segy
from trials.prediction.picking.draw_gathers import draw_survey
from trials.prediction.picking.picks import GatherPicks, PickedFile

log = logging.getLogger(__name__)

OUTPUTS = (".csv", *SEGY_SUFFIXES, ".sgt", ".png")
PICK_WORD, CONFIDENCE_WORD = 233, 237  # bytes of a trace header that SEG-Y leaves free, four each
NO_PICK = -1


def check_pick_outputs(outputs: Sequence[Path], sources: Sequence[Path], networks: Sequence[Path]) -> None:
    """Raises InputError as `check_outputs` for the files `sources` and `networks`, or SEG-Y of other than one SEG-Y."""
    for file in check_outputs(outputs, OUTPUTS, [*sources, *networks]):
        if file.suffix.lower() not in SEGY_SUFFIXES:
            continue
        if len(sources) > 1:
            raise InputError(
                f"output {file}: picks go into a copy of one SEG-Y file, there are {len(sources)} files; write .csv or "
                ".sgt, or pick them one by one"
            )
        if sources[0].suffix.lower() not in SEGY_SUFFIXES:
            raise InputError(
                f"output {file}: picks go into a copy of a SEG-Y file, {sources[0]} is not SEG-Y; write .csv or .sgt"
            )


def write_picks(file: Path, picked: Sequence[PickedFile]) -> Path:
    """Writes one output, under another name until it is whole.  Raises InputError: no positions for an .sgt."""
    with whole(file) as part:
        match file.suffix.lower():
            case ".csv":
                _write_csv(part, picked)
            case ".sgt":
                part.write_text(_sgt(file, picked), encoding="utf-8")
            case ".png":
                draw_survey(part, picked)
            case _:
                _write_headers(part, *picked)
    return file


def _write_csv(file: Path, picked: Sequence[PickedFile]) -> None:
    gather = 0
    with file.open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream)
        rows.writerow(["file", "gather", "trace", "trace_in_file", "receiver_m", "source_m", "pick_s", "confidence"])
        for each in picked:
            for number, picks in enumerate(each.picks):
                rows.writerows([each.file, gather, *row] for row in _rows(each.recording, number, picks))
                gather += 1


def _rows(recording: Recording, number: int, picks: GatherPicks) -> list[list[str | int]]:
    """Trace, trace in the file, receiver and source [m], pick [s], confidence."""
    traces = range(len(picks.time_R))
    receivers = [""] * len(traces)
    if recording.receivers is not None:
        receivers = [f"{place:.10g}" for place in recording.receivers[number]]
    source = "" if recording.sources is None else f"{recording.sources[number]:.10g}"
    times = [f"{time:.6f}" if np.isfinite(time) else "" for time in picks.time_R]
    held = recording.traces[number]
    return [[r, int(held[r]), receivers[r], source, times[r], f"{picks.confidence_R[r]:.4f}"] for r in traces]


def _write_headers(file: Path, picked: PickedFile) -> None:
    """Bytes 233-236: the pick after the shot [µs], -1 for none; bytes 237-240: the confidence in ten-thousandths."""
    original = open_segy(picked.file)
    words_N2 = np.tile([NO_PICK, 0], (original.traces, 1))
    for numbers, picks in zip(picked.recording.traces, picked.picks, strict=True):
        microseconds_R = np.rint(1e6 * np.nan_to_num(picks.time_R))
        words_N2[numbers, 0] = np.where(np.isfinite(picks.time_R), microseconds_R, NO_PICK)
        words_N2[numbers, 1] = np.rint(1e4 * picks.confidence_R)
    shutil.copyfile(picked.file, file)
    original.write_words(file, PICK_WORD, words_N2)


def _sgt(file: Path, picked: Sequence[PickedFile]) -> str:
    """Points are x along the line and height; without heights in the files they are 0, with a warning."""
    placed = [_placed(file, each) for each in picked]
    if bare := [each.file for each in picked if each.recording.heights is None]:
        names = bare[0] if len(bare) == 1 else f"{len(bare)} files"
        log.warning("%s: has no heights, so that the points of %s are on a level", names, file.name)
    at_N = np.concatenate([np.concatenate([*receivers, sources]) for receivers, sources, _ in placed])
    heights_N = np.concatenate([heights for _, _, heights in placed])
    places_P, first_P = np.unique(at_N, return_index=True)
    points = [f"{place:.10g} {height:.10g}" for place, height in zip(places_P, heights_N[first_P], strict=True)]
    lines = [f"{len(points)} # shot/geophone points", "#x y", *points]
    measured = []
    for (receivers, sources, _), each in zip(placed, picked, strict=True):
        for receivers_R, at, picks in zip(receivers, sources, each.picks, strict=True):
            shot = int(np.searchsorted(places_P, at)) + 1
            for receiver, time in zip(receivers_R, picks.time_R, strict=True):
                if np.isfinite(time) and time > 0 and receiver != at:  # pyGIMLi refuses zero times and distances
                    measured.append(f"{shot} {int(np.searchsorted(places_P, receiver)) + 1} {time:.6f}")
    lines += [f"{len(measured)} # measurements", "#s g t", *measured]
    return "\n".join(lines) + "\n"


def _placed(output: Path, picked: PickedFile) -> tuple[list[NDArray[np.float64]], list[float], NDArray[np.float64]]:
    """Receivers and sources [m] of each gather, and the heights of all [N]."""
    recording = picked.recording
    if recording.receivers is None or recording.sources is None:
        raise InputError(
            f"output {output.name}: an .sgt needs positions, but {picked.file} has "
            "none of source and receivers; give --spacing and --source, or write .csv"
        )
    heights = recording.heights or (
        [np.zeros(len(each)) for each in recording.receivers],
        [0.0] * len(recording.sources),
    )
    return recording.receivers, recording.sources, np.concatenate([*heights[0], heights[1]])
