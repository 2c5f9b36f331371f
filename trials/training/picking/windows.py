"""Splits a gather of any size into a network's windows.

receivers   windows as wide as the network's, overlapping by at least a quarter
time        resampled to the network's interval; cut, or padded with zeros, to its number of samples
"""

import numpy as np
from numpy.typing import NDArray

from search_spaces.fronts.gather import area_matrix

OVERLAP = 0.25  # share of a window
SAME = 1e-3  # relative difference of sampling intervals taken as equal


def spread_over(receivers: int, width: int) -> list[range]:
    """The traces of each window; a single one if the gather is not wider."""
    if receivers <= width:
        return [range(receivers)]
    count = 1 + int(np.ceil((receivers - width) / (width * (1 - OVERLAP))))
    return [range(start, start + width) for start in np.linspace(0, receivers - width, count).round().astype(int)]


def resampled(gather_TR: NDArray[np.float32], given: float, wanted: float, samples: int) -> NDArray[np.float32]:
    """`samples` samples every `wanted` seconds of a gather with one every `given` seconds.

    Finer to coarser takes means, which alias little; coarser to finer interpolates.
    """
    if not same_interval(given, wanted):
        length = max(1, round(len(gather_TR) * given / wanted))
        gather_TR = (area_matrix(len(gather_TR), length) @ gather_TR).astype(np.float32)
    return np.pad(gather_TR[:samples], ((0, max(0, samples - len(gather_TR))), (0, 0)))


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
