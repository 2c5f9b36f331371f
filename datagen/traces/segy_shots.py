"""Samples `[S, T, R]` of SEG-Y files: shots of a line in order along it, or, without positions, as numbered."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datagen.errors import InputError
from datagen.files.copies import tell_copies
from datagen.traces.lines import Places, choose_lines
from datagen.traces.shots import sorted_traces
from datagen.traces.trace_headers import read_traces
from datagen.traces.trace_table import Indices, TraceTable, checked_interval
from datagen.traces.trace_values import WHOLE, common_start, read_values, shifted

log = logging.getLogger(__name__)

FIELDS = "data.survey.{}"  # what messages call the survey's sizes


class SegyShots:
    """`shots` neighbouring shots of `receivers` traces are a sample.

    `samples` in all, `shape` of one; `interval` [s] and `delay` [s] of the first sample; `places`, if headers have
    them.  `fields` is what messages call a size of the survey.

    Raises InputError: as `read_traces` and `choose_lines`; coordinates that are angles; without positions, a shot with
    another number of traces, or a number of shots that is no multiple of `shots`; delays between two samples.
    """

    def __init__(
        self, files: Sequence[Path], shots: int, receivers: int, *, interval: float | None = None, fields: str = FIELDS
    ) -> None:
        if interval is not None:
            checked_interval(interval, "--interval")
        tell_copies(files)
        self.files, self._table = tuple(files), read_traces(files)
        if self._table.angles:
            raise InputError(
                f"{files[0]}: its coordinates are angles (byte 89), a line needs metres; project them, for example to "
                "UTM, and set byte 89 to 1"
            )
        self.places: Places | None = None
        if self._table.placed:
            wanted = f"{fields.format('shots')} is"
            self._chosen_NSR, self.places = choose_lines(self._table, shots, receivers, wanted)
        else:
            log.warning("%s: no positions in its headers; taken as those of the survey", files[0])
            self._chosen_NSR = _numbered(self._table, shots, receivers, fields)
        self.interval: float | None = self._table.interval  # None if it is not in the headers
        chosen = self._chosen_NSR.ravel()
        step = interval or self.interval
        shifts = common_start(self._table, chosen, step)
        if step and (np.abs(shifts.rest_M) > WHOLE * step).any():
            raise InputError(f"{files[0]}: delays that differ by less than a sample; resample it to one time axis")
        self._shift_NSR, self.delay = shifts.shift_M.reshape(self._chosen_NSR.shape), shifts.start
        self.samples, self._length = len(self._chosen_NSR), self._table.samples + int(shifts.shift_M.max())
        self.shape: tuple[int, ...] = (shots, self._length, self._chosen_NSR.shape[2])
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


def _numbered(table: TraceTable, shots: int, receivers: int, fields: str) -> Indices:
    """Traces [N, S, R] in the order of shots and receivers."""
    shot_N, order = sorted_traces(table)
    count = np.bincount(shot_N)
    wrong = np.flatnonzero(count != receivers)
    wanted = fields.format("receivers")
    if len(wrong):
        listed = ", ".join(f"shot {_shot_name(table, shot_N, each)} has {count[each]}" for each in wrong[:5])
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        first = int(np.argmax(shot_N == wrong[0]))
        raise InputError(
            f"{table.files[table.file_N[first]]}: {listed}{more} traces; each of its {len(count)} shots must have "
            f"{wanted}, {receivers}; set {wanted}, or fix the file"
        )
    if len(count) % shots:
        raise InputError(
            f"{table.files[0]}: {len(count)} shots in all are no multiple of {fields.format('shots')}, {shots}; "
            f"set {fields.format('shots')}, 1 makes each shot a sample"
        )
    return order.reshape(-1, shots, receivers)


def _shot_name(table: TraceTable, shot_N: Indices, which: int) -> str:
    several = len(np.unique(table.record_N)) > 1
    return f"{int(table.record_N[shot_N == which][0])}" if several else f"number {which + 1}"
