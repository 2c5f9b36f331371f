"""Samples `[S, T, R]` of SEG-Y files: shots of a line in order along it, or, without positions, as numbered."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datagen.files.copies import tell_copies
from datagen.traces.lines import Places, choose_lines
from datagen.traces.shots import SURVEY, of_one_size, sorted_traces
from datagen.traces.trace_headers import read_traces
from datagen.traces.trace_table import Indices, TraceTable, checked_interval
from datagen.traces.trace_values import WHOLE, common_start, read_values, shifted

log = logging.getLogger(__name__)

ANGLES = (
    f"coordinates: angles in the file (byte 89), metres in {SURVEY}; project them, for example to UTM, and set byte 89 "
    "to 1"
)


class SegyShots:
    """`shots` neighbouring shots of `receivers` traces are a sample.

    `samples` in all, `shape` of one; `interval` [s] and `delay` [s] of the first sample; `places`, if headers have
    them.  `problems`: why these are no samples of that survey.  There are shots with different numbers of traces, their
    number is no multiple of `shots`, coordinates are angles, or delays lie between two samples.  Then nothing may be
    read, and each shot is a sample of what can be compared (survey_differences.py).

    Raises InputError: as `read_traces`, or delays longer than the record.
    """

    def __init__(self, files: Sequence[Path], shots: int, receivers: int, *, interval: float | None = None) -> None:
        if interval is not None:
            checked_interval(interval, "--interval")
        tell_copies(files)
        self.files, self._table = tuple(files), read_traces(files)
        self.places: Places | None = None
        if self._table.placed:
            self._chosen_NSR, self.places, self.problems = choose_lines(self._table, shots, receivers)
        else:
            self._chosen_NSR, self.problems = _numbered(self._table, shots)
            if not self._table.angles:
                log.warning("%s: no positions in its headers; taken as those of the survey", files[0])
        if self._table.angles:
            self.problems += [ANGLES]
        self.interval: float | None = self._table.interval  # None if it is not in the headers
        chosen = self._chosen_NSR.ravel()
        step = interval or self.interval or 1.0  # without one nothing is read: fit_survey refuses it
        shifts = common_start(self._table, chosen, step)
        if (np.abs(shifts.rest_M) > WHOLE * step).any() and (interval or self.interval):
            self.problems += ["first sample: delays that differ by less than a sample; resample it to one time axis"]
        self._shift_NSR, self.delay = shifts.shift_M.reshape(self._chosen_NSR.shape), shifts.start
        self.samples, self._length = len(self._chosen_NSR), self._table.samples + int(shifts.shift_M.max())
        self.shape: tuple[int, ...] = (self._chosen_NSR.shape[1], self._length, self._chosen_NSR.shape[2])
        self._tell(chosen)

    def _tell(self, chosen: Indices) -> None:
        late, dead = int((self._shift_NSR > 0).sum()), int(self._table.dead_N[chosen].sum())
        if late:
            log.warning("%s: %d of %d traces start later, and are silent before", self.files[0], late, len(chosen))
        if dead:
            log.warning("%s: %d of %d traces are dead (byte 29), and silent", self.files[0], dead, len(chosen))

    def read(self, first: int, count: int) -> NDArray[np.float32]:
        """Samples `first` … as `[count, S, T, R]`."""
        chosen = self._chosen_NSR[first : first + count]
        values_MT = read_values(self._table, chosen.ravel())
        values_MT = shifted(values_MT, self._shift_NSR[first : first + count].ravel(), self._length)
        return values_MT.reshape(*chosen.shape, -1).swapaxes(-1, -2)

    def name(self, sample: int) -> str:
        """Where a sample comes from, for messages."""
        return f"{self.files[self._table.file_N[self._chosen_NSR[sample, 0, 0]]]}, sample {sample}"


def _numbered(table: TraceTable, shots: int) -> tuple[Indices, list[str]]:
    """Traces [N, S, R] in the order of shots and receivers, and what is wrong, as `choose_lines`."""
    shot_N, order = sorted_traces(table)
    count = int(shot_N.max()) + 1
    kept, problems = of_one_size(table, shot_N, order)
    if count % shots:
        problems.append(f"shots: {count} in the file, no multiple of the {shots} in {SURVEY}")
    return kept.reshape(-1, 1 if problems else shots, int((shot_N == shot_N[kept[0]]).sum())), problems
