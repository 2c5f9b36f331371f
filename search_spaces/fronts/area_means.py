"""Resampling by area means, as a matrix; without torch, so that picking with a bundle needs none."""

import numpy as np
from scipy.sparse import csr_array


def area_matrix(given: int, wanted: int, step: float | None = None) -> csr_array:
    """`[wanted, given]`, sparse: row n is the mean over a triangle around (n + ½) `step` − ½, two new samples wide.

    `step` is the new sampling interval over the old one, by default that which spreads `wanted` over all.
    """
    step = step or given / wanted
    width = max(1.0, step)
    reach = int(np.ceil(width)) + 1
    centre_N1 = (np.arange(wanted)[:, None] + 0.5) * step - 0.5
    at_NK = np.floor(centre_N1).astype(np.int64) + np.arange(-reach, reach + 1)
    weight_NK = np.clip(1 - np.abs(at_NK - centre_N1) / width, 0, None) * ((at_NK >= 0) & (at_NK < given))
    weight_NK /= weight_NK.sum(1, keepdims=True)
    row, column = np.nonzero(weight_NK)
    return csr_array((weight_NK[row, column], (row, at_NK[row, column])), shape=(wanted, given))
