"""Distances along the line of a recording, and the heights there.

a line along x or y     that coordinate, as in the headers
any other straight one  from its first point: a line at 45° is as long as it is
"""

import logging

import numpy as np

from datagen.traces.lines import SAME_PLACE
from datagen.traces.trace_table import Numbers, TraceTable

log = logging.getLogger(__name__)


def along_line(table: TraceTable) -> tuple[Numbers, Numbers]:
    """How far the source and the receiver of each trace are along the line [m]; a warning where it is not straight."""
    places = [table.source_N2, table.receiver_N2] if table.sourced else [table.receiver_N2]
    points = np.unique(np.concatenate(places), axis=0)
    axis = int(np.ptp(points[:, 1]) > np.ptp(points[:, 0]))
    if np.ptp(points[:, 1 - axis]) <= SAME_PLACE:
        return table.source_N2[:, axis], table.receiver_N2[:, axis]
    direction, beside = np.linalg.svd(points - points.mean(0), full_matrices=False)[2]
    direction = direction * np.sign(direction[np.argmax(np.abs(direction))])
    off = float(np.ptp(points @ beside))
    if off > SAME_PLACE:
        text = "%s: sources and receivers are not on a straight line, but %.3g m across; distances are along its middle"
        log.warning(text, table.files[0], off)
    start = float((points @ direction).min())
    return table.source_N2 @ direction - start, table.receiver_N2 @ direction - start
