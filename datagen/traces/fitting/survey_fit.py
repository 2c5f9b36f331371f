"""Fits a recording to the survey of a bundle, or of a preset, where possible, and reads it a few samples at a time.

recording ─ differences (survey_differences.py) ─ none left? ─► Fitted ─► shots [B, S, T, R] of that survey
"""

import sys
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from datagen.config import Data
from datagen.errors import InputError
from datagen.traces.fitting.survey_differences import Fitted, differences
from datagen.traces.recorded_shots import RecordedShots


def fit_survey(
    recording: RecordedShots,
    data: Data,
    owner: str,
    name: str,
    *,
    resample: bool,
    interval: float | None,
    more: Sequence[str] = (),
) -> Fitted:
    """What converts the recording to the survey of `data`, of the `owner` (the bundle, the preset) called `name`.

    `interval` [s] counts more than the files'.  Raises InputError with every difference that remains, and `more`.
    """
    found = differences(recording, data, interval)
    wrong = [each.told(owner) for each in found if each.fix is None or not resample] + list(more)
    if wrong:
        lines = [f"  {line}" for line in wrong]
        raise InputError("\n".join([f"shots {recording.path}: their survey is not that of {name}:", *lines]))
    fixes = [each.fix for each in found if each.fix is not None]
    return Fitted(
        notes=tuple(note for fix in fixes for note in fix.notes),
        in_time=next((fix.in_time for fix in fixes if fix.in_time is not None), None),
        across=next((fix.across for fix in fixes if fix.across is not None), None),
    )


def read_batch(recording: RecordedShots, fitted: Fitted, first: int, most: int) -> NDArray[np.float32]:
    """Shots [B, S, T, R] of the bundle's survey, from sample `first` on.  Raises InputError: not finite."""
    shots_BSTR = np.asarray(recording.read(first, min(most, recording.samples - first)), np.float32)
    finite = np.isfinite(shots_BSTR).all(axis=(1, 2, 3))
    if not finite.all():
        model = first + int(np.argmin(finite))
        raise InputError(f"shots {recording.path}: model {model} holds samples that are not finite numbers; mute them")
    return fitted(shots_BSTR)


def batches(recording: RecordedShots, fitted: Fitted, most: int, doing: str) -> Iterator[NDArray[np.float32]]:
    """All of them in turn, with a progress bar.  Raises InputError as `read_batch`."""
    starts = range(0, recording.samples, most)
    quiet = len(starts) < 2 or not sys.stderr.isatty()
    for first in track(starts, doing, console=Console(stderr=True), disable=quiet):
        yield read_batch(recording, fitted, first, most)
