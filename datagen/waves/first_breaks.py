"""When the first wave arrives: travel times of a survey by fast marching, a label nobody had to pick.

    |∇T| = 1/v,  T(xₛ) = 0           every kind of wave: direct, refracted, turning

Sethian 1996, PNAS 93(4), in scikit-fmm with second-order differences.  Each node's velocity fills the cell around
it.  Around the source, where T has a kink, a disc is filled with T = r/v, and T/r, which is smooth there, is
interpolated between nodes.  Solving on the grid and on one three times finer removes the remaining first-order error:
T = (3 T₃ − T₁) / 2.

Errors on a 10 m grid: at most 0.55 ms against the analytic solution for layers of contrast 1 : 3, 1.05 ms if the
source is between nodes; at most 1 ms (0.17 ms root mean square) in folded and faulted layers.
"""

from typing import Any

import numpy as np
import skfmm
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from datagen.config import Data
from datagen.waves.positions import distances

FINER = 3  # odd: an interface halfway between nodes is halfway between the finer ones too
DISC = 2.5  # [cells] radius of the disc around the source

Array = NDArray[Any]


def first_breaks(data: Data, velocity_MZX: Array) -> NDArray[np.float32]:
    """Travel times [s] of the first arrival, [M, S, R], in velocity models [M, Z, X] in m/s.

    The time is when the wavelet's t = 0 arrives, at 1e-8 of its peak, still invisible.  The trace reaches a hundredth
    of its first swing 0.67 / `survey.frequency` later in a direct wave and 0.75 / `survey.frequency` later in a head
    wave.  A time beyond the last sample means that the trace ends before.
    """
    survey, spacing = data.survey, data.grid.spacing
    source_S, receiver_R = distances(data)
    receiver_2R = np.stack([np.full(len(receiver_R), survey.receiver_depth / spacing), receiver_R])
    times_MSR = np.empty((len(velocity_MZX), survey.shots, survey.receivers), np.float32)
    for times_SR, velocity_ZX in zip(times_MSR, velocity_MZX, strict=True):
        for shot, distance in enumerate(source_S):
            source_2 = np.array([survey.source_depth / spacing, distance])
            coarse_R, fine_R = (spacing * _march(velocity_ZX, source_2, receiver_2R, finer) for finer in (1, FINER))
            times_SR[shot] = (FINER * fine_R - coarse_R) / (FINER - 1)
    return times_MSR


def _march(velocity_ZX: Array, source_2: Array, receiver_2R: Array, finer: int) -> Array:
    """Times [R] from source to receivers, all lengths in cells, on a grid `finer` times finer."""
    z, x = (np.arange((nodes - 1) * finer + 1) / finer for nodes in velocity_ZX.shape)
    nearest = np.ix_(_nearest(z), _nearest(x))
    speed_ZX = np.ascontiguousarray(velocity_ZX[nearest], np.float64)  # scikit-fmm ignores strides
    away_ZX = np.hypot(z[:, None] - source_2[0], x - source_2[1])
    disc, at_source = DISC / finer, velocity_ZX[tuple(_nearest(source_2))]
    beyond_ZX = np.asarray(skfmm.travel_time(away_ZX - disc, speed_ZX, dx=1 / finer, order=2))
    time_ZX = np.where(away_ZX < disc, away_ZX / at_source, disc / at_source + beyond_ZX)
    slowness_ZX = np.divide(time_ZX, away_ZX, out=np.full_like(away_ZX, 1 / at_source), where=away_ZX > 0)
    slowness_R = map_coordinates(slowness_ZX, finer * receiver_2R, order=1, mode="nearest")
    return np.asarray(slowness_R * np.hypot(*(receiver_2R - source_2[:, None])))


def _nearest(cells: Array) -> NDArray[np.int64]:
    return np.floor(cells + 0.5).astype(np.int64)
