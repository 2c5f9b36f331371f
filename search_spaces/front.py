"""From raw shots to the image's own grid, with nothing lost below the Nyquist frequency of the new grid.

    shots [B, S, T, R] ─ time T → fold·Z, receivers R → X ─ gain t^p ─ asinh ─ fold ─► [B, S·fold, Z, X]

Row z of the result holds the `fold` time samples that fall on depth row z, as channels.  Resampling comes
first: records are band-limited, so it loses nothing, and each of the steps after it can be undone.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from search_spaces.shape import Shape

GAIN_POWER = 1.0  # p of the gain t^p, for the spreading and transmission losses of late reflections
KNEE = 0.1  # share of `shot_scale` where asinh goes from linear to logarithmic; gives about unit variance


def resampling_matrix(given: int, wanted: int) -> NDArray[np.float64]:
    """The `[wanted, given]` matrix of band-limited interpolation; first and last samples stay in place.

    Both grids share the cosines cos(πkτ), τ ∈ [0, 1] (discrete cosine transform of the first kind): this is
    sinc interpolation of the record mirrored at its ends.  Of them the K = min(given, wanted) lowest are
    kept, an ideal low-pass at the Nyquist frequency of the coarser grid.

        y_j = 2/(n-1) Σ_{k<K} ε_k cos(πk j/(m-1)) Σ_i ε_i x_i cos(πk i/(n-1)),    ε = ½ at 0 and n-1, else 1
    """
    if given == wanted:
        return np.eye(given)
    ends = np.ones(given)
    ends[[0, -1]] = 0.5
    k = np.arange(min(given, wanted))
    analysis_ki = ends * np.cos(np.pi * np.outer(k, np.arange(given)) / (given - 1))
    synthesis_jk = ends[k] * np.cos(np.pi * np.outer(np.arange(wanted), k) / (wanted - 1))
    return 2 / (given - 1) * synthesis_jk @ analysis_ki


class Front(nn.Module):
    """Resamples, normalises and folds shots `[B, S, T, R]` to features `[B, S·fold, Z, X]`.

    `shot_scale` is the 90th percentile of the amplitude of the training shots, in their own unit.  It is a
    buffer: it travels with the weights and lies inside an exported graph.  The matrices follow from the
    shapes and are not saved.  The features have about unit variance.
    """

    shot_scale: Tensor
    time_NT: Tensor
    distance_RX: Tensor
    gain_N1: Tensor

    def __init__(self, shape: Shape, shot_scale: float, fold: int) -> None:
        super().__init__()
        rows = fold * shape.nz
        self.fold = fold
        self.channels = shape.shots * fold
        self.resamples_distance = shape.receivers != shape.nx
        time = np.arange(1, rows + 1) / rows
        self._constant("time_NT", resampling_matrix(shape.samples, rows))
        self._constant("distance_RX", resampling_matrix(shape.receivers, shape.nx).T)
        self._constant("gain_N1", time[:, None] ** GAIN_POWER)
        self.register_buffer("shot_scale", torch.tensor(shot_scale, dtype=torch.float32))

    def _constant(self, name: str, value: NDArray[np.float64]) -> None:
        self.register_buffer(name, torch.from_numpy(value.astype(np.float32)), persistent=False)

    def forward(self, shots_BSTR: Tensor) -> Tensor:
        with torch.autocast(shots_BSTR.device.type, enabled=False):  # the range of half floats is too small
            shots_BSNX = self.time_NT @ shots_BSTR
            if self.resamples_distance:
                shots_BSNX = shots_BSNX @ self.distance_RX
            level_BSNX = torch.asinh(shots_BSNX * (self.gain_N1 / (KNEE * self.shot_scale)))
        batch, shots, rows, width = level_BSNX.shape
        level_BSZFX = level_BSNX.reshape(batch, shots, rows // self.fold, self.fold, width)
        features_BCZX = level_BSZFX.transpose(2, 3).flatten(1, 2)
        # Convolutions with few channels run two to five times faster on CPUs in this layout.
        return features_BCZX.contiguous(memory_format=torch.channels_last)
