"""Which traces are a shot, in what order its receivers stand, and which shots go together.

shot      file, FieldRecord and the source's position: two shots with one number are two
receiver  position, TraceNumber or offset, the first that differs between all traces of every shot
"""

import numpy as np
from numpy.typing import NDArray

from datagen.traces.trace_table import Indices, Numbers, TraceTable

SURVEY = "the survey wanted"  # in differences, until the name of its owner is put there
MOST_NAMED = 5  # shots in a message


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


def of_one_size(table: TraceTable, shot_N: Indices, traces_M: Indices, where: str = "") -> tuple[Indices, list[str]]:
    """Those of the traces M whose shots have as many as most shots have, and what is wrong if not all do."""
    names, shot_M, count = np.unique(shot_N[traces_M], return_inverse=True, return_counts=True)
    usual = int(np.bincount(count).argmax())
    wrong = np.flatnonzero(count != usual)
    if not len(wrong):
        return traces_M, []
    several = len(np.unique(table.record_N)) > 1
    listed = []
    for shot in wrong[:MOST_NAMED]:
        name = f"{table.record_N[shot_N == names[shot]][0]}" if several else f"number {names[shot] + 1}"
        listed.append(f"shot {name} has {count[shot]}")
    more = f" and {len(wrong) - MOST_NAMED} more" if len(wrong) > MOST_NAMED else ""
    problem = (
        f"receivers: {', '.join(listed)}{more}{where}, the other {len(count) - len(wrong)} of {len(count)} shots "
        f"{usual}; in {SURVEY} all record every shot: fix the file"
    )
    return traces_M[count[shot_M] == usual], [problem]


def along(places_N2: Numbers) -> list[NDArray[np.float64]]:
    """Coordinates, first the one along which the line runs."""
    x, y = places_N2.T
    return [x, y] if np.ptp(x) >= np.ptp(y) else [y, x]
