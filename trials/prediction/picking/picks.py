"""The picks of a survey's files, gather by gather."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datagen.traces.gathers import Recording


@dataclass(frozen=True, kw_only=True)
class GatherPicks:
    """The picks of one gather, trace by trace."""

    time_R: NDArray[np.float64]  # [s] after the shot; NaN if there is none
    confidence_R: NDArray[np.float64]  # between 0 and 1


@dataclass(frozen=True, kw_only=True)
class PickedFile:
    """A file of a survey, and the picks of its gathers."""

    file: Path
    recording: Recording
    interval: float  # [s] between time samples
    picks: list[GatherPicks]
