"""From raw shots to features on the image's own grid.

                                                           ┌─ stack (stack.py) ─► [B, S·K, Z, X]
    shots [B, S, T, R] ─ time T → fold·Z ─ gain t^p ─ asinh ┤
                                                           └─ fold ─────────────► [B, S·fold, Z, X]

Resampling comes first: records are band-limited, so it loses nothing below the new Nyquist frequency.

stack   brings echoes to where they came from, for K constant velocities
fold    row z holds the `fold` time samples that fall on depth row z, as channels; receivers R → X.  Each of its steps
        can be undone
"""

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from search_spaces.config import Network
from search_spaces.network import Features
from search_spaces.shape import Shape
from search_spaces.stack import DiffractionStack, group_matrix

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


class Fold(nn.Module):
    """Levels `[B, S, fold·Z, X]` → `[B, S·fold, Z, X]`."""

    def __init__(self, shape: Shape, fold: int) -> None:
        super().__init__()
        self.fold, self.channels = fold, shape.shots * fold

    def forward(self, level_BSNX: Tensor) -> Tensor:
        batch, shots, rows, width = level_BSNX.shape
        level_BSZFX = level_BSNX.reshape(batch, shots, rows // self.fold, self.fold, width)
        return level_BSZFX.transpose(2, 3).flatten(1, 2)


class Front(Features):
    """Resamples and normalises shots `[B, S, T, R]` and arranges them as features `[B, channels, Z, X]`.

    `shot_scale` is the 90th percentile of the amplitude of the training shots, in their own unit.  It is a
    buffer: it travels with the weights and lies inside an exported graph.  The matrices follow from the
    shapes and are not saved.  The features have about unit variance.
    """

    arrange: "DiffractionStack | Fold"
    shot_scale: Tensor
    time_NT: Tensor
    across_RX: Tensor
    gain_N1: Tensor

    def __init__(self, shape: Shape, shot_scale: float, *, kind: Literal["stack", "fold"], fold: int) -> None:
        super().__init__()
        rows = fold * shape.nz
        if kind == "stack":
            self.arrange, across_RX = DiffractionStack(shape, rows), group_matrix(shape.receivers)
        else:
            self.arrange, across_RX = Fold(shape, fold), resampling_matrix(shape.receivers, shape.nx).T
        self.channels = self.arrange.channels
        self.resamples_across = across_RX.shape[0] != across_RX.shape[1]
        time = np.arange(1, rows + 1) / rows
        self._constant("time_NT", resampling_matrix(shape.samples, rows))
        self._constant("across_RX", across_RX)
        self._constant("gain_N1", time[:, None] ** GAIN_POWER)
        self.register_buffer("shot_scale", torch.tensor(shot_scale, dtype=torch.float32))

    def _constant(self, name: str, value: NDArray[np.float64]) -> None:
        self.register_buffer(name, torch.from_numpy(value.astype(np.float32)), persistent=False)

    def forward(self, shots_BSTR: Tensor) -> Tensor:
        with torch.autocast(shots_BSTR.device.type, enabled=False):  # the range of half floats is too small
            # The narrower first: the two products commute, and most of the work is along time.
            shots_BSTX = shots_BSTR @ self.across_RX if self.resamples_across else shots_BSTR
            shots_BSNX = self.time_NT @ shots_BSTX
            level_BSNX = torch.asinh(shots_BSNX * (self.gain_N1 / (KNEE * self.shot_scale)))
            features_BCZX: Tensor = self.arrange(level_BSNX)
        # Convolutions with few channels run two to five times faster on CPUs in this layout.
        return features_BCZX.contiguous(memory_format=torch.channels_last)


def front_of(network: Network, shape: Shape, shot_scale: float) -> Front:
    return Front(shape, shot_scale, kind=network.front, fold=network.fold)
