"""Travel times along straight rays through any smooth slowness, differentiable and small in an exported graph.

A straight ray from an end (source or receiver) at (z_e, x_e) to a point (z, x) is known by its tangent
p = (x − x_e) / (z − z_e) alone, whatever its length.  So the slowness is read once along a fan of rays from each end,
averaged down to each depth, and looked up for the ray of each point:

    S(e, p, z') = s(z', x_e + p (z' − z_e))                    read along the fan
    m(e, p, z)  = 1 / (z − z_e) ∫ S(e, p, z') dz'              mean slowness down to z
    t(e, z, x)  = √((z − z_e)² + (x − x_e)²) · m(e, p(z, x), z)

Each line is linear in the slowness and is written as a product of matrices: no gather, and no scatter in its gradient.
The mean along a ray changes slowly from ray to ray, so a few dozen rays do; they lie evenly in asinh p.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

RAYS = 33  # of each fan
FLATTEST = 12.0  # tangent of the outermost; points beyond it take that one
SHALLOWEST = 0.5  # cells below an end, at least: points level with it have no tangent

Grid = tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]
"""Centres of the rows and of the columns, evenly spaced, in cells of the image."""


class Tables(NamedTuple):
    """The three linear maps: E ends, F = E · P rays, z and x of the grid, Z and X of the points."""

    read_zxF: Tensor
    mean_EZz: Tensor
    look_EZPX: Tensor
    length_EZX: Tensor


class RayTimes(nn.Module):
    """Slowness `[B, z, x]` on `grid` → times `[B, E, Z, X]` from each end to each of `points`, in cells × slowness.

    `ends` are (depth, distance), in cells of the image like the grids.  The tables follow from a few short vectors:
    an exported graph holds those and works the tables out, which ONNX Runtime does once, when it loads the graph.
    """

    depth_E: Tensor
    place_E: Tensor
    rows_z: Tensor
    columns_x: Tensor
    rows_Z: Tensor
    columns_X: Tensor

    def __init__(self, ends: Sequence[tuple[float, float]], grid: Grid, points: Grid) -> None:
        super().__init__()
        depth_E, place_E = np.array(ends).T
        vectors = {"depth_E": depth_E, "place_E": place_E}
        vectors |= {"rows_z": grid[0], "columns_x": grid[1], "rows_Z": points[0], "columns_X": points[1]}
        for name, value in vectors.items():
            self.register_buffer(name, torch.from_numpy(value.astype(np.float32)), persistent=False)
        for name, table in self._tables()._asdict().items():
            self.register_buffer(name, table, persistent=False)

    def forward(self, slowness_Bzx: Tensor) -> Tensor:
        read_zxF, mean_EZz, look_EZPX, length_EZX = self._tables() if torch.compiler.is_exporting() else self._kept()
        ends, rows = length_EZX.shape[0], length_EZX.shape[1]
        read_zBF = slowness_Bzx.transpose(0, 1) @ read_zxF
        depths, batch = read_zBF.shape[:2]
        read_EzBP = read_zBF.reshape(depths, batch, ends, RAYS).permute(2, 0, 1, 3)
        mean_EZBP = (mean_EZz @ read_EzBP.flatten(2)).reshape(ends, rows, batch, RAYS)
        time_EZBX: Tensor = mean_EZBP @ look_EZPX
        return time_EZBX.permute(2, 0, 1, 3) * length_EZX

    def _kept(self) -> Tables:
        return Tables(*(self.get_buffer(name) for name in Tables._fields))

    def _tables(self) -> Tables:
        step_z, step_x = self.rows_z[1] - self.rows_z[0], self.columns_x[1] - self.columns_x[0]
        flattest = float(np.arcsinh(FLATTEST))
        fan_P = torch.linspace(-flattest, flattest, RAYS, device=self.rows_z.device)
        below_EZ = self.rows_Z - self.depth_E[:, None]
        away_EX = self.columns_X - self.place_E[:, None]

        down_zE = (self.rows_z[:, None] - self.depth_E).clamp_min(0)
        at_zEP = self.place_E[:, None] + torch.sinh(fan_P) * down_zE[:, :, None]
        column_zF = ((at_zEP - self.columns_x[0]) / step_x).clamp(0, len(self.columns_x) - 1).flatten(1)
        read_zxF = _hat(torch.arange(len(self.columns_x), device=fan_P.device)[:, None] - column_zF[:, None])

        # How much of each row of the grid lies between the end and the point.
        top_Ez = torch.maximum(self.rows_z - step_z / 2, self.depth_E[:, None])
        end_EZ1 = (self.depth_E[:, None] + below_EZ.clamp_min(SHALLOWEST))[:, :, None]
        within_EZz = (torch.minimum(self.rows_z + step_z / 2, end_EZ1) - top_Ez[:, None]).clamp_min(0)
        mean_EZz = within_EZz / within_EZz.sum(-1, keepdim=True)

        tangent_EZX = away_EX[:, None] / below_EZ.clamp_min(SHALLOWEST)[..., None]
        ray_EZX = (torch.asinh(tangent_EZX) / flattest + 1) * ((RAYS - 1) / 2)
        look_EZPX = _hat(torch.arange(RAYS, device=fan_P.device)[:, None] - ray_EZX.clamp(0, RAYS - 1)[:, :, None])
        length_EZX = (below_EZ.clamp_min(0)[..., None].square() + away_EX[:, None].square()).sqrt()
        return Tables(read_zxF, mean_EZz, look_EZPX, length_EZX)


def _hat(distance: Tensor) -> Tensor:
    """Weights of linear interpolation on a grid of step 1."""
    return (1 - distance.abs()).clamp_min(0)
