"""Diffraction stacks: every shot mapped to the image's grid as if the ground had one velocity.

                    1
    a_k(z, x) =  ──────── Σ_r  u(r, t₀ + s_k (|x_s − x| + |x − x_r|)),      s_k = 1 / v_k,  k = 1 … K
                  √|A|   r ∈ A(z, x)

Reflections from (z, x) add up where s_k is about right (Kirchhoff's summation, e.g. Schneider 1978).  No velocity is
right everywhere: the network chooses among K of them.  A(z, x) are the receivers within an aperture that widens with
depth; groups of neighbours are averaged and the stack is made on a grid half as fine, because the waves are several
cells long.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from search_spaces.shape import Shape

STRIDE = 2  # cells of the image in a cell of the stack
APERTURE = 1.5  # half width over depth
NARROWEST = 8.0  # cells of half width at the surface


def group_matrix(receivers: int, group: int) -> NDArray[np.float64]:
    """The `[R, groups]` matrix that averages `group` neighbours; the last group may be smaller."""
    group_R = np.arange(receivers) // group
    member_RG = group_R[:, None] == np.arange(group_R[-1] + 1)
    return np.asarray(member_RG / member_RG.sum(0))


class DiffractionStack(nn.Module):
    """Traces of groups of receivers, `[B, S, N, G]`, to `[B, S·K, Z, X]`; if `coarse` to `[B, S·K, ⌈Z/2⌉, ⌈X/2⌉]`.

    The N rows of a trace are spread evenly over the record.  Each call computes travel times from a few short vectors:
    stored, they would make an exported graph larger than the network behind it.
    """

    below_source_Z: Tensor
    from_source_SX: Tensor
    below_Z: Tensor
    away_XG: Tensor
    slowness_K: Tensor

    def __init__(self, shape: Shape, rows: int, group: int, *, coarse: bool = False) -> None:
        super().__init__()
        self.coarse = coarse
        geometry = shape.geometry
        assert geometry is not None, "a stack needs the geometry of the survey"
        self.size, self.rows = (shape.nz, shape.nx), rows
        self.channels = shape.shots * len(geometry.slowness)
        rows_per_sample = (rows - 1) / (shape.samples - 1)
        z_Z, x_X = ((np.arange(0, cells, STRIDE) + (STRIDE - 1) / 2) for cells in self.size)
        groups_G = np.array(geometry.receivers) @ group_matrix(shape.receivers, group)
        away_XG = x_X[:, None] - groups_G
        below_Z = np.maximum(z_Z - geometry.receiver_depth, 0)
        below_source_Z = np.maximum(z_Z - geometry.source_depth, 0)
        self.onset = geometry.onset * rows_per_sample
        self._constant("slowness_K", np.array(geometry.slowness) * rows_per_sample)
        self._constant("below_source_Z", below_source_Z)
        self._constant("from_source_SX", x_X - np.array(geometry.sources)[:, None])
        self._constant("below_Z", below_Z)
        self._constant("away_XG", away_XG)

    def _constant(self, name: str, value: NDArray[np.float64]) -> None:
        self.register_buffer(name, torch.from_numpy(value.astype(np.float32)), persistent=False)

    def forward(self, traces_BSNG: Tensor) -> Tensor:
        _, shots, rows, groups = traces_BSNG.shape
        inside_ZXG = self.away_XG.abs() <= (APERTURE * self.below_Z + NARROWEST)[:, None, None]
        share_ZX = inside_ZXG.sum(-1).clamp_min(1).rsqrt()
        source_SZX = _length(self.below_source_Z[:, None], self.from_source_SX[:, None])
        path_SZXG = source_SZX[..., None] + _length(self.below_Z[:, None, None], self.away_XG)
        row_SKZXG = torch.round(self.onset + self.slowness_K[:, None, None, None] * path_SZXG[:, None]).int()
        heard_SKZXG = (row_SKZXG < self.rows) & inside_ZXG
        shot_S, group_G = (torch.arange(n, dtype=torch.int32, device=row_SKZXG.device) for n in (shots, groups))
        place_SKZXG = (shot_S[:, None, None, None, None] * rows + row_SKZXG) * groups + group_G
        # Receivers outside the aperture read one extra sample, which is silent.
        sample_SKZXG = torch.where(heard_SKZXG, place_SKZXG, shots * rows * groups)
        flat_BN = functional.pad(traces_BSNG.flatten(1), (0, 1))
        sum_BM = _sums(flat_BN, sample_SKZXG.flatten(0, 3))
        coarse_BCZX = sum_BM.reshape(-1, self.channels, *share_ZX.shape) * share_ZX
        if self.coarse:
            return coarse_BCZX
        nz, nx = (STRIDE * cells for cells in coarse_BCZX.shape[-2:])
        fine_BCZX = functional.interpolate(coarse_BCZX, size=(nz, nx), mode="bilinear")
        return fine_BCZX[..., : self.size[0], : self.size[1]]


def _length(z: Tensor, x: Tensor) -> Tensor:
    return (z * z + x * x).sqrt()


def _sums(flat_BN: Tensor, sample_MG: Tensor) -> Tensor:
    """Σ_g flat[b, sample[m, g]]: `[B, M]`."""
    if torch.compiler.is_exporting():  # ONNX has no embedding bag
        # Element by element: ONNX Runtime takes ten times as long to gather slices of one number.
        index_BM = sample_MG.flatten().expand(flat_BN.shape[0], -1)
        return flat_BN.gather(1, index_BM).reshape(-1, *sample_MG.shape).sum(-1)
    # Four times as fast: what a batch has in common, the place, is looked up once.
    return functional.embedding_bag(sample_MG, flat_BN.T.contiguous(), mode="sum").T
