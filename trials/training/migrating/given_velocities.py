"""Velocities that are given in training: a share of the samples migrates in the true velocity with a smooth error.

    given = v (1 + e),   e = size · n / rms(n),   n: noise smoothed over LENGTH,   size: even in [0, `error`]

Without them the image cells see no velocity but the network's own.  With them they see right ones as well, and the
network becomes a fast stand-in for RTM in a velocity that a user has (`seisnas predict --migration-velocity`).

The labels stay the image and the velocity without the error: one with it would need a migration with the wave equation
for every sample.  So the network learns to repair errors up to that size and to correct the velocity, and does not show
what RTM makes of a wrong one.
"""

from functools import cache
from math import ceil

import torch
from torch import Tensor

from datagen.targets import VelocityModel
from search_spaces.fronts.migration import smoothing_matrix
from search_spaces.networks.migrating import GivenVelocities
from trials.settings.training import Given

LENGTH = 8.0  # [cells] one sigma of the Gaussian; longer than what the migration smooths away
MARGIN = ceil(3 * LENGTH)  # [cells] of noise around the section: replicated at its edges, it would be stronger there


def draw_given(given: Given, velocity_B1ZX: Tensor, limits: tuple[float, float]) -> GivenVelocities:
    """Errors and samples from torch's global generator.

    `velocity_B1ZX`: the labels, normalised; `limits`: the velocities that −1 and 1 stand for, in any unit.
    """
    scale, device = VelocityModel(lowest=limits[0], highest=limits[1]), velocity_B1ZX.device
    count, _, nz, nx = velocity_B1ZX.shape
    size_B = given.error * torch.rand(count, device=device)
    wrong_B1ZX = scale.denormalise(velocity_B1ZX) * (1 + smooth_errors(size_B, nz, nx))
    return scale.normalise(wrong_B1ZX), torch.rand(count, device=device) < given.share


def smooth_errors(size_B: Tensor, nz: int, nx: int) -> Tensor:
    """Random fields `[B, 1, Z, X]` whose rms is `size_B`."""
    noise_B1zx = torch.randn(len(size_B), 1, nz + 2 * MARGIN, nx + 2 * MARGIN, device=size_B.device)
    down_Zz, across_Xx = _smoothing(nz).to(size_B.device), _smoothing(nx).to(size_B.device)
    smooth_B1ZX = (down_Zz @ noise_B1zx @ across_Xx.T).float()  # in a training of mixed precision, too
    rms_B111 = smooth_B1ZX.square().mean((2, 3), keepdim=True).sqrt()
    return size_B[:, None, None, None] * smooth_B1ZX / rms_B111


@cache
def _smoothing(cells: int) -> Tensor:
    """`[cells, cells + 2 MARGIN]`"""
    return torch.from_numpy(smoothing_matrix(cells + 2 * MARGIN, LENGTH)[MARGIN:-MARGIN]).float()
