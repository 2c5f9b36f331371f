"""Splits a gather of any size into a network's windows.

receivers   windows as wide as the network's, overlapping by at least a quarter
time        resampled to the network's interval; windows as long as the network's, overlapping by half, the last padded
            with zeros
"""

import numpy as np
from numpy.typing import NDArray

from search_spaces.fronts.area_means import area_matrix

OVERLAP = 0.25  # share of a window, in receivers
OVERLAP_IN_TIME = 0.5  # a break late in one window is early enough in the next to be seen with what follows it
SAME = 1e-3  # relative difference of sampling intervals taken as equal


def spread_over(length: int, width: int, overlap: float = OVERLAP) -> list[range]:
    """The traces, or samples, of each window; a single one if there are no more than a window's."""
    if length <= width:
        return [range(length)]
    count = 1 + int(np.ceil((length - width) / (width * (1 - overlap))))
    return [range(start, start + width) for start in np.linspace(0, length - width, count).round().astype(int)]


def resampled(gather_TR: NDArray[np.float32], given: float, wanted: float) -> NDArray[np.float32]:
    """A gather with a sample every `wanted` seconds, of one with a sample every `given` seconds.

    Finer to coarser takes means, which alias little; coarser to finer interpolates.  Time and memory grow with the
    record's length, no faster.
    """
    if same_interval(given, wanted):
        return gather_TR
    length = max(1, round(len(gather_TR) * given / wanted))
    matrix = area_matrix(len(gather_TR), length, wanted / given)
    return np.asarray(matrix.astype(np.float32) @ gather_TR, np.float32)


def cut(
    gather_TR: NDArray[np.float32], times: range, traces: range, samples: int, receivers: int
) -> NDArray[np.float32]:
    """A part of a gather, padded with zeros to `[samples, receivers]`."""
    part_TR = gather_TR[times.start : times.stop, traces.start : traces.stop]
    return np.pad(part_TR, ((0, samples - part_TR.shape[0]), (0, receivers - part_TR.shape[1])))


def same_interval(given: float, wanted: float) -> bool:
    return abs(given / wanted - 1) <= SAME


def time_at(sample: NDArray[np.float64], given: float, wanted: float) -> NDArray[np.float64]:
    """Time [s] after the first recorded sample, of a position among the resampled ones.

    A resampled sample is at the middle of those it averages.
    """
    return sample * wanted if same_interval(given, wanted) else (sample + 0.5) * wanted - 0.5 * given


def sample_at(time: NDArray[np.floating], given: float, wanted: float) -> NDArray[np.floating]:
    """The inverse of `time_at`."""
    return time / wanted if same_interval(given, wanted) else (time + 0.5 * given) / wanted - 0.5
