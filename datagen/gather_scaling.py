"""Gathers brought to a common scale, dead and broken traces told apart.

    y = clip(x / rms, −3, 3),     rms over a trace or over the live traces of a gather

A strong trace beside the source and a weak one far from it then look alike; what is clipped is about 1 % of the
samples.  A trace is dead when it does not change, and broken when it has a value that is not finite: both become zero.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Scaling = Literal["trace", "gather"]

LIMIT = 3.0  # rms


@dataclass(frozen=True, kw_only=True)
class Scaled:
    """Gathers within ±LIMIT, and which of their traces say nothing."""

    gathers_STR: NDArray[np.float32]
    dead_SR: NDArray[np.bool_]
    broken_SR: NDArray[np.bool_]


def scale_gathers(gathers_STR: NDArray[np.float32], scaling: Scaling) -> Scaled:
    """Gathers in any unit → float32 with an rms of about 1 and within ±LIMIT; dead and broken traces are 0."""
    broken_SR = np.isfinite(gathers_STR).sum(1) < gathers_STR.shape[1]
    finite_STR = np.where(broken_SR[:, None], 0.0, gathers_STR).astype(np.float64)
    finite_STR -= finite_STR.mean(1, keepdims=True)
    power_SR = np.square(finite_STR).mean(1)
    dead_SR = (np.ptp(gathers_STR, axis=1) == 0) & ~broken_SR
    silent_SR = dead_SR | broken_SR
    if scaling == "gather":
        live_S = np.maximum((~silent_SR).sum(1), 1)
        power_SR = np.broadcast_to((np.where(silent_SR, 0, power_SR).sum(1) / live_S)[:, None], power_SR.shape)
    rms_SR = np.sqrt(np.where(silent_SR | (power_SR == 0), 1.0, power_SR))
    scaled_STR = np.where(silent_SR[:, None], 0.0, finite_STR / rms_SR[:, None]).clip(-LIMIT, LIMIT)
    return Scaled(gathers_STR=scaled_STR.astype(np.float32), dead_SR=dead_SR, broken_SR=broken_SR)
