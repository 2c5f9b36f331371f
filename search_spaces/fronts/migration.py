"""Kirchhoff migration of each shot in an estimated velocity, differentiable: what a network learns to migrate with.

    s        = gaussian(1 / v)                                            smooth slowness, on a grid half as fine
    t        = straight-ray times through s (ray_times.py)
    a(z, x)  = 1/√|A| Σ_r u(r, t₀ + t(x_s, z, x) + t(x_r, z, x))          r ∈ A(z, x), linear in time

The record does not depend on the velocity, so its gradient is that of the times alone:  ∂a/∂t = 1/√|A| Σ_r u̇.
As the constant stacks (stack.py) it sums over groups of receivers within an aperture that widens with depth; receivers
to the left of a point, above it and to its right are summed apart, so that the network sees where an echo came from.
"""

from itertools import product
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from search_spaces.fronts.ray_times import RayTimes
from search_spaces.fronts.stack import APERTURE, NARROWEST, STRIDE, group_matrix
from search_spaces.shape import Shape

SIDES = 3  # left of the point, above it, right of it
ABOVE = 0.35  # [rad] from the vertical, up to which a receiver is above a point
SHALLOW = 4.0  # cells added to the depth in that angle: the shallowest points are not split finer than waves are long


class Migration(nn.Module):
    """Levels `[B, S, N, G]` and velocity `[B, 1, Z, X]` → images of each shot and side, `[B, S·3, ⌈Z/2⌉, ⌈X/2⌉]`.

    The velocity is in cells per sample of the record, whose N rows of a level are spread evenly over it; `smoothing` is
    the sigma of the Gaussian [cells].  An exported graph holds the side of each receiver and point, a twelfth of the
    weights, which ONNX Runtime works out once.
    """

    weight_KGP: Tensor
    side_GP: Tensor
    share_P: Tensor
    smooth_zz: Tensor
    smooth_xx: Tensor

    def __init__(self, shape: Shape, rows: int, group: int, *, smoothing: float) -> None:
        super().__init__()
        geometry = shape.geometry
        assert geometry is not None, "a migration needs the geometry of the survey"
        self.shots, self.channels = shape.shots, SIDES * shape.shots
        z_Z, x_X = ((np.arange(0, cells, STRIDE) + (STRIDE - 1) / 2) for cells in (shape.nz, shape.nx))
        self.size = (len(z_Z), len(x_X))
        groups_G = np.array(geometry.receivers) @ group_matrix(shape.receivers, group)
        ends = [(geometry.source_depth, x) for x in geometry.sources]
        ends += [(geometry.receiver_depth, x) for x in groups_G]
        self.times = RayTimes(ends, (z_Z, x_X), (z_Z, x_X))
        rows_per_sample = (rows - 1) / (shape.samples - 1)
        self.onset = geometry.onset * rows_per_sample  # [rows]
        self.rows_per_sample = rows_per_sample
        below_Z = np.maximum(z_Z - geometry.receiver_depth, 0)
        away_GZX = groups_G[:, None, None] - x_X + 0 * below_Z[:, None]
        inside_GZX = np.abs(away_GZX) <= (APERTURE * below_Z + NARROWEST)[:, None]
        share_ZX = np.sqrt(SIDES / np.maximum(inside_GZX.sum(0), 1))
        angle_GZX = np.arctan2(away_GZX, (below_Z + SHALLOW)[:, None])
        side_GZX = np.where(inside_GZX, np.digitize(angle_GZX, (-ABOVE, ABOVE)), SIDES)
        side_GP = torch.from_numpy(side_GZX.reshape(len(groups_G), -1).astype(np.int8))
        self.register_buffer("side_GP", side_GP, persistent=False)
        self._constant("share_P", share_ZX.ravel())
        self.register_buffer("weight_KGP", self._weights(), persistent=False)
        for name, cells in zip(("smooth_zz", "smooth_xx"), self.size, strict=True):
            self._constant(name, smoothing_matrix(cells, smoothing / STRIDE))

    def _constant(self, name: str, value: NDArray[np.float64]) -> None:
        self.register_buffer(name, torch.from_numpy(value.astype(np.float32)), persistent=False)

    def _weights(self) -> Tensor:
        side_K11 = torch.arange(SIDES, dtype=torch.int32, device=self.side_GP.device)[:, None, None]
        return (self.side_GP.int() == side_K11) * self.share_P

    def forward(self, level_BSNG: Tensor, velocity_B1ZX: Tensor) -> Tensor:
        slowness_Bzx = self.smooth(1 / velocity_B1ZX)[:, 0]
        row_BEZX = self.times(slowness_Bzx * self.rows_per_sample)
        row_BEP = row_BEZX.flatten(2)
        source_BSP, receiver_BGP = row_BEP[:, : self.shots] + self.onset, row_BEP[:, self.shots :]
        level_BSGN = level_BSNG.transpose(2, 3).contiguous()
        if torch.compiler.is_exporting():
            image_BSKP = _exported(level_BSGN, source_BSP, receiver_BGP, self._weights())
        else:
            image_BSKP = AlongTimes.apply(level_BSGN, source_BSP, receiver_BGP, self.weight_KGP)
        return image_BSKP.reshape(-1, self.channels, *self.size)

    def smooth(self, slowness_B1ZX: Tensor) -> Tensor:
        """On the grid of the stacks, half as fine; replicated at the edges, as the label's smoothing is."""
        nz, nx = slowness_B1ZX.shape[-2:]
        even = functional.pad(slowness_B1ZX, (0, nx % STRIDE, 0, nz % STRIDE), mode="replicate")
        smoothed: Tensor = self.smooth_zz @ functional.avg_pool2d(even, STRIDE) @ self.smooth_xx.T
        return smoothed


def smoothing_matrix(cells: int, sigma: float) -> NDArray[np.float64]:
    """Gaussian smoothing along one axis, replicated at the edges, `[cells, cells]`.

    A product of matrices takes a fraction of the time of a convolution with a single channel.
    """
    reach = int(np.ceil(3 * sigma))
    offsets = np.arange(-reach, reach + 1)
    bell = np.exp(-0.5 * (offsets / sigma) ** 2)
    matrix = np.zeros((cells, cells))
    for offset, weight in zip(offsets, bell / bell.sum(), strict=True):
        np.add.at(matrix, (np.arange(cells), np.clip(np.arange(cells) + offset, 0, cells - 1)), weight)
    return matrix


class AlongTimes(torch.autograd.Function):
    """Σ_g weight[k, g, p] u(s, g, row_s[p] + row_g[p]), `[B, S, K, P]`; rows after the last are silent.

    On CPUs shot by shot: what a shot needs stays in the cache, which makes it several times as fast.
    """

    @staticmethod
    def forward(ctx: Any, level_BSGN: Tensor, source_BSP: Tensor, receiver_BGP: Tensor, weight_KGP: Tensor) -> Tensor:
        batch, shots = level_BSGN.shape[:2]
        sides, groups, points = weight_KGP.shape
        sum_BSKP = level_BSGN.new_empty(batch, shots, sides, points)
        slope_BSGP = level_BSGN.new_empty(batch, shots, groups, points)
        if level_BSGN.is_cuda:
            value_BSGP, slope_BSGP = _read(level_BSGN, source_BSP[:, :, None] + receiver_BGP[:, None])
            sum_BSKP = torch.einsum("bsgp,kgp->bskp", value_BSGP, weight_KGP)
        else:
            for sample, shot in product(range(batch), range(shots)):
                row_GP = receiver_BGP[sample] + source_BSP[sample, shot]
                value_GP, slope_BSGP[sample, shot] = _read(level_BSGN[sample, shot], row_GP)
                for side in range(sides):
                    torch.sum(value_GP * weight_KGP[side], 0, out=sum_BSKP[sample, shot, side])
        ctx.save_for_backward(slope_BSGP, weight_KGP)
        return sum_BSKP

    @staticmethod
    def backward(ctx: Any, gradient_BSKP: Tensor) -> tuple[None, Tensor, Tensor, None]:
        slope_BSGP, weight_KGP = ctx.saved_tensors
        if slope_BSGP.is_cuda:
            each_BSGP = torch.einsum("bskp,kgp->bsgp", gradient_BSKP, weight_KGP) * slope_BSGP
            return None, each_BSGP.sum(2), each_BSGP.sum(1), None
        batch, shots, groups, points = slope_BSGP.shape
        source_BSP = slope_BSGP.new_empty(batch, shots, points)
        receiver_BGP = slope_BSGP.new_zeros(batch, groups, points)
        for sample, shot in product(range(batch), range(shots)):
            each_GP = torch.zeros_like(weight_KGP[0])
            for weight_GP, gradient_P in zip(weight_KGP, gradient_BSKP[sample, shot], strict=True):
                each_GP.addcmul_(weight_GP, gradient_P)
            each_GP.mul_(slope_BSGP[sample, shot])
            source_BSP[sample, shot] = each_GP.sum(0)
            receiver_BGP[sample] += each_GP
        return None, source_BSP, receiver_BGP, None


def _read(level_GN: Tensor, row_GP: Tensor) -> tuple[Tensor, Tensor]:
    """Values between two rows, and their slope; 0 after the last row."""
    last = level_GN.shape[-1] - 1
    low_GP = row_GP.floor().clamp_(0, last - 1)
    index_GP = low_GP.long()
    value_GP = level_GN.gather(-1, index_GP)
    slope_GP = level_GN.gather(-1, index_GP.add_(1)).sub_(value_GP)
    heard_GP = row_GP < last
    slope_GP.mul_(heard_GP)
    return value_GP.mul_(heard_GP).addcmul_(slope_GP, row_GP.sub_(low_GP)), slope_GP


def _exported(level_BSGN: Tensor, source_BSP: Tensor, receiver_BGP: Tensor, weight_KGP: Tensor) -> Tensor:
    """As one gather over all, in the form that ONNX has an operation for."""
    last = level_BSGN.shape[-1] - 1
    row_BSGP = source_BSP[:, :, None] + receiver_BGP[:, None]
    low_BSGP = row_BSGP.floor().clamp(0, last - 1)
    index_BSGP = low_BSGP.int()  # short indices, which stay short in the graph (compressors/graphs/onnx_graph.py)
    value_BSGP, after_BSGP = (level_BSGN.gather(-1, each.long()) for each in (index_BSGP, index_BSGP + 1))
    value_BSGP = (value_BSGP + (after_BSGP - value_BSGP) * (row_BSGP - low_BSGP)) * (row_BSGP < last)
    return (value_BSGP[:, :, None] * weight_KGP).sum(3)
