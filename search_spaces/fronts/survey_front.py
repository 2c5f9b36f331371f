"""From raw shots to features on the image's own grid.

                                                           ┌─ stack (stack.py) ─► [B, S·K, Z, X]
    shots [B, S, T, R] ─ time T → fold·Z ─ gain t^p ─ asinh ┤
                                                           └─ fold ─────────────► [B, S·fold, Z, X]

Resampling comes first: records are band-limited, so it loses nothing below the new Nyquist frequency.

stack   moves echoes back to where they came from, for K constant velocities
fold    row z holds the `fold` time samples that fall on depth row z, as channels; receivers R → X.  Each step is
        invertible
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from datagen.band_limited import resampling_matrix
from search_spaces.config import Fold, Gather, Migrate, Network, Stack
from search_spaces.fronts.gather import GatherFront
from search_spaces.fronts.stack import DiffractionStack, group_matrix
from search_spaces.networks.contract import Features
from search_spaces.shape import Shape

GAIN_POWER = 1.0  # p of the gain t^p, for the spreading and transmission losses of late reflections
KNEE = 0.1  # share of `shot_scale` where asinh goes from linear to logarithmic; gives about unit variance


class Resampling(nn.Module):
    """`resampling_matrix` along the rows of `[…, given, X]` → `[…, wanted, X]`, with half the products.

    The matrix is unchanged when mirrored in both axes.  So the even and odd parts of a record about its middle, each
    given by half of the rows, do not mix:

        y_j ± y_{m-1-j} = Σ_{i < n/2} (A_{j,i} ± A_{j,n-1-i}) (x_i ± x_{n-1-i})

    The cosines that make the matrix (datagen/band_limited.py) are even or odd about the middle, too.  An exported graph
    holds their numbers alone; ONNX Runtime works the halves out once, when it loads the graph.
    """

    even_JI: Tensor
    odd_JI: Tensor

    def __init__(self, given: int, wanted: int) -> None:
        super().__init__()
        self.given, self.wanted = given, wanted
        half = resampling_matrix(given, wanted)[: -(-wanted // 2)] / 2
        columns = -(-given // 2)
        left_JI, right_JI = half[:, :columns], half[:, ::-1][:, :columns]
        even_JI = left_JI + right_JI
        if given % 2:
            even_JI[:, -1] /= 2  # the middle row is its own mirror
        for name, value in (("even_JI", even_JI), ("odd_JI", left_JI - right_JI)):
            self.register_buffer(name, torch.from_numpy(value.astype(np.float32)), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        if self.given == self.wanted:
            return x
        columns = self.even_JI.shape[1]
        first, last = x[..., :columns, :], x[..., self.given - columns :, :].flip(-2)
        even_JI, odd_JI = self._halves() if torch.compiler.is_exporting() else (self.even_JI, self.odd_JI)
        even, odd = even_JI @ (first + last), odd_JI @ (first - last)
        return torch.cat([even + odd, (even - odd)[..., : self.wanted // 2, :].flip(-2)], dim=-2)

    def _halves(self) -> tuple[Tensor, Tensor]:
        """`even_JI` and `odd_JI`, from whole numbers."""
        rows, columns = self.even_JI.shape
        at_J, at_I = (torch.arange(count, device=self.even_JI.device) for count in (rows, columns))
        last_J, last_I = self.wanted - 1, self.given - 1
        count_I = torch.where(at_I == 0, 0.5, 1.0) * torch.where(2 * at_I == last_I, 0.5, 1.0)
        halves = []
        for first in (0, 1):
            k_K = torch.arange(first, min(self.given, self.wanted), 2, device=self.even_JI.device)
            count_K = torch.where((k_K == 0) | (k_K == last_I), 0.5, 1.0)
            from_IK = _cosine(at_I[:, None] * k_K, last_I) * count_K * (2 / last_I)
            halves.append(_cosine(at_J[:, None] * k_K, last_J) @ (from_IK * count_I[:, None]).T)
        return halves[0], halves[1]


def _cosine(turns: Tensor, half: int) -> Tensor:
    """cos(π · turns / half) of whole numbers: reduced to one turn as such, so that large ones are as exact as small."""
    return torch.cos((turns % (2 * half)).float() * (np.pi / half))


class FoldedTime(nn.Module):
    """Levels `[B, S, fold·Z, X]` → `[B, S·fold, Z, X]`."""

    def __init__(self, shape: Shape, fold: int) -> None:
        super().__init__()
        self.fold, self.channels = fold, shape.shots * fold

    def forward(self, level_BSNX: Tensor) -> Tensor:
        batch, shots, rows, width = level_BSNX.shape
        level_BSZFX = level_BSNX.reshape(batch, shots, rows // self.fold, self.fold, width)
        return level_BSZFX.transpose(2, 3).flatten(1, 2)


class SurveyFront(Features):
    """Resamples and normalises shots `[B, S, T, R]` and arranges them as features `[B, channels, Z, X]`.

    `shot_scale` is the 90th percentile of the amplitude of the training shots, in their own unit.  It is a buffer:
    saved with the weights and in an exported graph.  The matrices follow from the shapes and are not saved.  The
    features have about unit variance.
    """

    arrange: DiffractionStack | FoldedTime
    shot_scale: Tensor
    across_RX: Tensor
    gain_N1: Tensor

    def __init__(self, shape: Shape, shot_scale: float, front: Stack | Fold) -> None:
        super().__init__()
        rows = front.fold * shape.nz
        if isinstance(front, Stack):
            self.arrange = DiffractionStack(shape, rows, front.group, coarse=front.coarse)
            across_RX = group_matrix(shape.receivers, front.group)
            self.finer = (shape.nz, shape.nx) if front.coarse else None
        else:
            self.arrange = FoldedTime(shape, front.fold)
            across_RX = resampling_matrix(shape.receivers, shape.nx).T
        self.channels = self.arrange.channels
        self.in_time = Resampling(shape.samples, rows)
        time = np.arange(1, rows + 1) / rows
        self._constant("across_RX", across_RX)
        self._constant("gain_N1", time[:, None] ** GAIN_POWER)
        self.register_buffer("shot_scale", torch.tensor(shot_scale, dtype=torch.float32))

    def _constant(self, name: str, value: NDArray[np.float64]) -> None:
        self.register_buffer(name, torch.from_numpy(value.astype(np.float32)), persistent=False)

    def level(self, shots_BSTR: Tensor) -> Tensor:
        """Resampled records of about unit variance, `[B, S, N, X or groups]`."""
        with torch.autocast(shots_BSTR.device.type, enabled=False):  # the range of half floats is too small
            return _asinh(self._resample(shots_BSTR) * (self.gain_N1 / (KNEE * self.shot_scale)))

    def forward(self, shots_BSTR: Tensor) -> Tensor:
        level_BSNX = self.level(shots_BSTR)
        with torch.autocast(shots_BSTR.device.type, enabled=False):
            features_BCZX: Tensor = self.arrange(level_BSNX)
        # Convolutions with few channels run two to five times faster on CPUs in this layout.
        return features_BCZX.contiguous(memory_format=torch.channels_last)

    def _resample(self, shots_BSTR: Tensor) -> Tensor:
        """Along both axes, first the one that leaves less."""
        receivers, columns = self.across_RX.shape
        if columns < receivers:
            shots_BSTR = shots_BSTR @ self.across_RX
        shots_BSNX: Tensor = self.in_time(shots_BSTR)
        return shots_BSNX @ self.across_RX if columns > receivers else shots_BSNX


def _asinh(x: Tensor) -> Tensor:
    """In a graph as sign(x) · log(|x| + √(x² + 1)), seven times as fast there; its error is rounding near 1."""
    if torch.compiler.is_exporting():
        size = x.abs()
        return x.sign() * torch.log(size + torch.sqrt(size * size + 1))
    return torch.asinh(x)


def make_front(network: Network, shape: Shape, shot_scale: float) -> Features:
    """The front of the configuration, without a migration; `shot_scale` as in `SurveyFront`, unused for a gather."""
    match network.front:
        case Gather(scaling=scaling):
            return GatherFront(shape.samples, shape.nz, scaling)
        case Migrate(stack=stack):  # a search gives both outputs from the stacks
            survey_front = SurveyFront(shape, shot_scale, stack)
            survey_front.outputs = 2
            return survey_front
        case Stack() | Fold() as front:
            return SurveyFront(shape, shot_scale, front)
