"""Band-limited interpolation as a matrix; without torch, so that predicting needs none."""

import numpy as np
from numpy.typing import NDArray


def band_limited(given: int, angle_JK: NDArray[np.float64]) -> NDArray[np.float64]:
    """The `[J, given]` matrix of band-limited interpolation, at the times τ_j of a record from 0 to 1.

    Its `given` samples are a sum of the cosines cos(πkτ) (discrete cosine transform of type I): this is sinc
    interpolation of the record mirrored at its ends.  The K lowest are kept, an ideal low-pass.

        y_j = 2/(n-1) Σ_{k<K} ε_k cos(πk τ_j) Σ_i ε_i x_i cos(πk i/(n-1)),    ε = ½ at 0 and n-1, otherwise 1

    `angle_JK` is πk τ_j.
    """
    ends_I, k = np.ones(given), np.arange(angle_JK.shape[1])
    ends_I[[0, -1]] = 0.5
    analysis_KI = ends_I[k][:, None] * ends_I * np.cos(np.pi * np.outer(k, np.arange(given)) / (given - 1))
    return np.asarray(2 / (given - 1) * np.cos(angle_JK) @ analysis_KI)


def resampling_matrix(given: int, wanted: int) -> NDArray[np.float64]:
    """`band_limited` from `given` to `wanted` samples, up to the Nyquist frequency of the coarser grid.

    First and last samples stay in place.
    """
    if given == wanted:
        return np.eye(given)
    k = np.arange(min(given, wanted))
    return band_limited(given, np.pi * np.outer(np.arange(wanted), k) / (wanted - 1))
