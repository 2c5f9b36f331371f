"""Pick: first breaks of recorded gathers, with a bundle (only ONNX Runtime), a run folder, or the classical picker.

files of a survey ─ repaired ─ picker ─► time, confidence of each trace ─► one .csv .sgt .png, or .sgy
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datagen.config import Survey
from datagen.errors import InputError
from datagen.traces.gathers import GATHER_SUFFIXES, Recording, read_recording
from datagen.traces.trace_table import checked_interval, known_interval, settled_interval
from trials.prediction.picking.classical_picker import DEFAULT
from trials.prediction.picking.pick_files import check_pick_outputs, write_picks
from trials.prediction.picking.pickable import assumed, unpickable
from trials.prediction.picking.picking_network import load_network
from trials.prediction.picking.picks import GatherPicks, PickedFile

log = logging.getLogger(__name__)

Array = NDArray[Any]
Pick = Callable[[Array, float, Array], GatherPicks]  # gather [T, R], interval [s], start of each trace [s]

SURE = 0.5  # confidence of a network's pick that is written unless another is asked for


def pick(
    source: str | Path | None,
    given: Sequence[str | Path],
    outputs: list[Path],
    *,
    interval: float | None = None,
    confidence: float | None = None,
    spacing: float | None = None,
    sources: str | None = None,
) -> list[Path]:
    """Picks the gathers of files and folders, one survey, writes `outputs` and returns their paths.

    `source` is a bundle or a run folder; None: the classical picker.  `interval` [s], `spacing` of the receivers [m]
    and positions of the `sources` [m], separated by commas, are for files without them.  Picks below `confidence` are
    left out of every output; by default that is SURE, and 0 of the classical picker.

    Raises InputError: the bundle is damaged or does not pick, a file cannot be read, lacks an interval, none has a live
    trace, or they do not suit an output.
    """
    files = files_of(given)
    check_pick_outputs(outputs, files, [] if source is None else [Path(source)])
    if interval is not None:
        checked_interval(interval, "--interval")
    network = None if source is None else load_network(Path(source))
    survey = None if network is None else network.survey
    recordings = [read_recording(file, interval) for file in files]
    if spacing is not None or sources is not None:
        recordings = _placed(recordings, spacing, sources)
    _require_any(files, recordings, interval)
    intervals = [_interval(*each, interval, survey) for each in zip(files, recordings, strict=True)]
    least = confidence if confidence is not None else SURE if network else 0.0
    picked = [
        PickedFile(
            file=file, recording=recording, interval=each, picks=_picks(network or DEFAULT, recording, each, least)
        )
        for file, recording, each in zip(files, recordings, intervals, strict=True)
    ]
    _say_how_many(picked, least)
    return [write_picks(output, picked) for output in outputs]


def files_of(given: Sequence[str | Path]) -> list[Path]:
    """The files, those of a folder in the order of their names.  Raises InputError: a folder without gathers."""
    files = []
    for path in map(Path, given):
        held = (
            sorted(each for each in path.iterdir() if each.suffix.lower() in GATHER_SUFFIXES)
            if path.is_dir()
            else [path]
        )
        if not held:
            raise InputError(f"{path}: a folder without gathers; allowed: {', '.join(GATHER_SUFFIXES)}")
        files += held
    return files


def _require_any(files: Sequence[Path], recordings: Sequence[Recording], interval: float | None) -> None:
    """Raises InputError when none of the files can be picked."""
    wrong = {file: unpickable(each, interval) for file, each in zip(files, recordings, strict=True)}
    if all(wrong.values()):
        raise InputError("\n".join(f"{file}: {'; '.join(reasons)}" for file, reasons in wrong.items()))


def _interval(file: Path, recording: Recording, given: float | None, survey: Survey | None) -> float:
    """[s], of the file; tells what is made of its gathers."""
    found = settled_interval(file, given, recording.interval, headers=recording.headers)
    for line in assumed(recording, found, survey):
        log.warning("%s: %s", file, line)
    return survey.interval if found is None and survey is not None else known_interval(file, found)


def _picks(picker: Pick, recording: Recording, interval: float, least: float) -> list[GatherPicks]:
    """Values that are not finite count as zero; a trace without other values is dead and has no pick."""
    found = []
    for gather_TR, start_R in zip(recording.gathers, recording.starts, strict=True):
        picked = picker(np.nan_to_num(gather_TR, nan=0.0, posinf=0.0, neginf=0.0), interval, start_R)
        time_R = np.where(picked.confidence_R >= least, picked.time_R, np.nan)
        found.append(GatherPicks(time_R=time_R, confidence_R=picked.confidence_R))
    return found


def _placed(recordings: list[Recording], spacing: float | None, sources: str | None) -> list[Recording]:
    """With receivers every `spacing` metres from 0, and the sources at the positions in the text."""
    if spacing is None or sources is None:
        raise InputError("pick: --spacing of the receivers and --source, the positions, need each other")
    try:
        places = [float(text) for text in sources.split(",")]
    except ValueError:
        places = [np.nan]
    if not np.isfinite([*places, spacing]).all():
        raise InputError(
            f"--source: got {sources!r}, --spacing {spacing:g}; write metres, separated by commas, as 1.5,9.5"
        )
    counts = [len(each.gathers) for each in recordings]
    if len(places) != sum(counts):
        raise InputError(f"--source: {len(places)} position(s), there are {sum(counts)} gather(s)")
    ends = np.cumsum(counts)
    return [
        replace(
            each,
            receivers=[spacing * np.arange(gather.shape[1], dtype=np.float64) for gather in each.gathers],
            sources=places[end - len(each.gathers) : end],
            heights=None,
        )
        for each, end in zip(recordings, ends, strict=True)
    ]


def _say_how_many(picked: Sequence[PickedFile], least: float) -> None:
    times_N = np.concatenate([each.time_R for file in picked for each in file.picks])
    if not np.isfinite(times_N).any():
        log.warning("none of %d traces has a pick; --confidence 0 keeps the least sure ones", len(times_N))
        return
    log.info("%d of %d traces have a pick of confidence %g or more", np.isfinite(times_N).sum(), len(times_N), least)
