"""What a recording holds, as the readers of predict, import, pick and pretrain understand it.

SEG-Y, SU (also a folder)    trace table, lines ─┐
SEG-2                        trace table ────────┼─► Content: gathers, places, times, what is dead or left out
.npy .npz, OpenFWI folder    arrays ─────────────┤
.sgt                         first breaks alone ─┘
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datagen.errors import InputError
from datagen.files.npy_files import map_npy
from datagen.files.npy_series import NpySeries
from datagen.files.openfwi import find_shots, model_of
from datagen.traces.float_format import NAMES
from datagen.traces.gathers import ARRAY_SUFFIXES, Recording, read_recording
from datagen.traces.lines import SAME_PLACE
from datagen.traces.seg2 import read_seg2
from datagen.traces.segy_shots import SegyShots
from datagen.traces.shots import number_shots
from datagen.traces.trace_file import trace_files
from datagen.traces.trace_headers import open_traces, read_traces
from datagen.traces.trace_table import TraceTable
from trials.prediction.inspecting.sgt_files import SGT_SUFFIXES, read_sgt

FASTEST = 8000.0  # [m/s] that waves in the ground can be
SHOWN = 3  # gathers that are drawn, and that tell the frequencies

Gather = NDArray[np.float32]
Places = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Content:
    """The gathers of a file or a folder: their sizes, places and times."""

    path: Path
    format: str  # in words
    files: int = 1
    traces: list[int]  # of each gather
    samples: int
    interval: float | None  # [s]; None: neither given nor in the file
    starts: tuple[float, float] = (0.0, 0.0)  # [s] first and last start of a trace after the shot
    axes: tuple[int, ...] = ()  # of an array of samples: [N, S, T, R] or [S, T, R]
    sources: Places | None = None  # [m] along the line, of each gather; None: not known
    receivers: list[Places] | None = None  # [m] the same, of each gather's traces
    across: Places | None = None  # [m] of each gather's line; None: one line
    heights: tuple[float, float] | None = None  # [m] lowest and highest
    unit: str = ""  # of length, in words
    dead_marked: int = 0  # traces that headers call dead
    auxiliary: int = 0  # traces that are left out
    first_breaks: list[Places] | None = None  # [s] of each gather's traces
    shown: list[Gather] = field(default_factory=list)  # the first gathers [T, R]
    recording: Recording | None = None  # as pick and pretrain read it
    unread: str = ""  # why they do not
    notes: list[str] = field(default_factory=list)  # what the readers assumed

    @property
    def silent(self) -> tuple[int, int]:
        """Traces without any change, and those with values that are not finite; of the gathers shown if not all fit."""
        gathers = self.shown if self.recording is None else self.recording.gathers
        broken = sum(int((~np.isfinite(each)).any(0).sum()) for each in gathers)
        return sum(int((np.ptp(np.nan_to_num(each), axis=0) == 0).sum()) for each in gathers), broken

    @property
    def placed(self) -> bool:
        """Whether there are positions, and they can be."""
        return self.receivers is not None and not self.doubt

    @property
    def doubt(self) -> str:
        """Why the positions must be wrong, in words; empty: they can be."""
        length = self.samples * (self.interval or 0.0)
        if not (self.gap and length and self.gap > FASTEST * length):
            return ""
        return (
            f"positions: receivers {self.gap:g} m apart in records of {length:g} s, which waves would have to cross at "
            f"{self.gap / length:.0f} m/s or more; check the scalar of coordinates (byte 71) and their unit (UNITS, "
            "bytes 89 and 3255)"
        )

    @property
    def gap(self) -> float | None:
        """Median distance [m] of neighbouring receivers; None: not known."""
        if self.receivers is None:
            return None
        gaps = np.abs(np.concatenate([np.diff(each) for each in self.receivers]))
        gaps = gaps[gaps > 0]
        return float(np.median(gaps)) if len(gaps) else None

    @property
    def fixed(self) -> bool | None:
        """Whether all receivers record every shot, to a tenth of their distance; None: not known."""
        if self.receivers is None or len(self.receivers) < 2:
            return None
        first, near = self.receivers[0], 0.1 * (self.gap or 1.0)
        return all(len(each) == len(first) and np.abs(each - first).max() <= near for each in self.receivers)


def read_content(path: Path, interval: float | None = None) -> Content:
    """What is at `path`; `interval` [s] counts more than the file's.

    Raises InputError as the readers: nothing there, an unknown ending, truncated, or damaged.
    """
    notes: list[str] = []
    with heard(notes):
        if files := trace_files(path):
            content = _of_traces(path, files, interval)
        elif path.is_dir():
            content = _of_openfwi(path, interval)
        elif path.suffix.lower() in SGT_SUFFIXES:
            content = _of_sgt(path)
        else:
            content = _of_recording(path, interval)
    content.notes.extend(notes)
    return content


@contextmanager
def heard(notes: list[str]) -> Iterator[None]:
    """Puts what the readers tell into `notes`, each message once, instead of the log."""
    ears, log = _Ears(notes), logging.getLogger("datagen")
    spread, log.propagate = log.propagate, False
    log.addHandler(ears)
    try:
        yield
    finally:
        log.removeHandler(ears)
        log.propagate = spread


class _Ears(logging.Handler):
    def __init__(self, notes: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._notes = notes

    def emit(self, record: logging.LogRecord) -> None:
        if (text := record.getMessage()) not in self._notes:
            self._notes.append(text)


def _of_traces(path: Path, files: list[Path], interval: float | None) -> Content:
    """SEG-Y or SU; sources and receivers along the lines that predict and import would image."""
    table, first, shots = read_traces(files), open_traces(files[0]), SegyShots(files, 1, 0, interval=interval)
    numbers = f"{NAMES[first.code]} floats" if first.code in NAMES else f"numbers of format {first.code}"
    recording, unread = _recording(path, interval)
    places = shots.places
    return Content(
        path=path,
        format=f"{'SU' if first.su else 'SEG-Y'}, {numbers}, {'little' if first.order == '<' else 'big'}-endian",
        files=len(files),
        traces=np.bincount(number_shots(table)).tolist(),
        sources=None if places is None else places.sources_NS[:, 0],
        receivers=None if places is None else list(places.receivers_NSR[:, 0]),
        across=None if places is None or np.ptp(places.cross_N) <= SAME_PLACE else places.cross_N,
        unit="feet, converted to metres" if first.feet else "metres",
        shown=list(shots.read(0, SHOWN)[:, 0]),
        recording=recording,
        unread=unread,
        **_of_table(table, interval),
    )


def _of_recording(path: Path, interval: float | None) -> Content:
    """SEG-2, or arrays."""
    recording = read_recording(path, interval)
    arrays = path.suffix.lower() in ARRAY_SUFFIXES
    starts = np.concatenate(recording.starts)
    labels = f", first breaks of {len(recording.first_breaks)} gathers" if recording.first_breaks else ""
    sources, heights = recording.sources, recording.heights
    content = Content(
        path=path,
        format=f"{path.suffix.lower()} array{labels}" if arrays else "SEG-2",
        traces=[each.shape[1] for each in recording.gathers],
        samples=len(recording.gathers[0]),
        interval=interval or recording.interval,
        starts=(float(starts.min()), float(starts.max())),
        sources=None if sources is None else np.array(sources),
        receivers=recording.receivers,
        heights=None if heights is None else _reach([*heights[0], np.array(heights[1])]),
        first_breaks=[each.astype(np.float64) for each in recording.first_breaks] if recording.first_breaks else None,
        shown=recording.gathers[:SHOWN],
        recording=recording,
    )
    if path.suffix.lower() == ".npy":
        return replace(content, axes=map_npy(path).shape)
    if arrays:
        return content
    table, _ = read_seg2(path)
    return replace(content, unit="metres", auxiliary=table.auxiliary)


def _of_openfwi(path: Path, interval: float | None) -> Content:
    series = NpySeries(find_shots(path))
    if len(series.shape) != 3:
        raise InputError(f"{path}: samples of shape {series.shape}; allowed: [S, T, R]")
    models = sum(file.exists() for file in map(model_of, series.files))
    shots, samples, receivers = series.shape
    return Content(
        path=path,
        format=f"OpenFWI, {models} of {len(series.files)} files with models",
        files=len(series.files),
        traces=[receivers] * (shots * series.samples),
        samples=samples,
        interval=interval,
        axes=(series.samples, *series.shape),
        shown=list(series.read(0, 1)[0].astype(np.float32)[:SHOWN]),
        unread="a folder; pick and pretrain read files, give these one by one",
    )


def _of_sgt(path: Path) -> Content:
    read = read_sgt(path)
    return Content(
        path=path,
        format=f"travel times of pyGIMLi, {sum(map(len, read.times))} of them",
        traces=[len(each) for each in read.times],
        samples=0,
        interval=None,
        sources=read.sources,
        receivers=read.receivers,
        heights=read.heights,
        unit="metres",
        first_breaks=read.times,
        unread="holds no waves",
    )


def _recording(path: Path, interval: float | None) -> tuple[Recording | None, str]:
    """As pick and pretrain read it, or why they do not."""
    if path.is_dir():
        return None, "a folder; pick and pretrain read files, give these one by one"
    try:
        return read_recording(path, interval), ""
    except InputError as error:  # too large for the memory
        return None, str(error)


def _of_table(table: TraceTable, interval: float | None) -> dict[str, Any]:
    heights = [each for each in (table.receiver_height_N, table.source_height_N) if each.any()]
    return {
        "samples": table.samples,
        "interval": interval or table.interval,
        "starts": _reach([table.start_N]),
        "heights": _reach(heights) if heights else None,
        "dead_marked": int(table.dead_N.sum()),
        "auxiliary": table.auxiliary,
    }


def _reach(values: list[Places]) -> tuple[float, float]:
    return min(float(each.min()) for each in values), max(float(each.max()) for each in values)
