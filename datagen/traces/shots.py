"""Which traces are a shot, and in what order its receivers stand.

shot      file, FieldRecord and the source's position: two shots with one number are two
receiver  position, TraceNumber or offset, the first that differs between all traces of every shot
"""

import numpy as np
from numpy.typing import NDArray

from datagen.traces.trace_table import Indices, Numbers, TraceTable


def number_shots(table: TraceTable) -> Indices:
    """The shot of each trace, 0 …, in the order of files, FieldRecord and position."""
    label = np.stack([table.file_N, table.record_N, *along(table.source_N2)])
    return np.asarray(np.unique(label, axis=1, return_inverse=True)[1].ravel())


def sorted_traces(table: TraceTable) -> tuple[Indices, Indices]:
    """The shot of each trace, 0 …, and all traces in the order of shots and receivers."""
    shot_N = number_shots(table)
    for keys in (along(table.receiver_N2), [table.number_N], [table.offset_N]):
        places = np.stack([shot_N, *keys])
        if np.unique(places, axis=1).shape[1] == places.shape[1]:
            return shot_N, np.lexsort((*reversed(keys), shot_N))
    return shot_N, np.argsort(shot_N, kind="stable")


def along(places_N2: Numbers) -> list[NDArray[np.float64]]:
    """Coordinates, first the one along which the line runs."""
    x, y = places_N2.T
    return [x, y] if np.ptp(x) >= np.ptp(y) else [y, x]
