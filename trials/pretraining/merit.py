"""How far generated samples are from data.

    distance   sliced Wasserstein distance of 7 × 7 patches, mean over the levels of a Laplacian pyramid,

                   W(p, q) = mean_θ mean_i |sort(θ·p)_i − sort(θ·q)_i|,       θ on the unit sphere

               and of whole samples at its coarsest level (Karras et al. 2018, arXiv 1710.10196, section 5)
    spectrum   root mean square difference of the mean amplitude spectra [dB]
    coherence  mean over neighbouring traces of the largest correlation within ±LAG samples: difference to the data's
    diversity  mean distance between two samples at the coarsest level, over that between two samples of the data:
               1 is ideal, 0 is collapse
    nearest    median distance from a sample to the nearest data, over that within the data: near 0 is a copy

Patches are normalised by the data's mean and variance, so that every level weighs the same.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

LEVELS = 3  # of the pyramid, at most
PATCH = 7  # cells
PATCHES = 64  # of each sample and level
DIRECTIONS = 128
LAG = 6  # samples
COLLAPSED = 0.5  # of the data's diversity


@dataclass(frozen=True, kw_only=True)
class Merit:
    """Of samples against data; see the module docstring."""

    distance: float
    spectrum_db: float
    coherence: float
    diversity: float
    nearest: float

    @property
    def collapsed(self) -> bool:
        return self.diversity < COLLAPSED


def merit(samples_N1ZX: Tensor, data_M1ZX: Tensor, seed: int = 0) -> Merit:
    """Compares equal numbers of samples and data, the smaller of the two."""
    count = min(len(samples_N1ZX), len(data_M1ZX))
    samples, data = samples_N1ZX[:count], data_M1ZX[:count]
    coarse_p, coarse_q = (laplacian_pyramid(each)[-1].flatten(1) for each in (samples, data))
    within = torch.cdist(coarse_q, coarse_q)
    others = ~torch.eye(count, dtype=torch.bool)
    own = torch.cdist(coarse_p, coarse_p)[others].mean()
    nearest_data = within.masked_fill(~others, torch.inf).amin(1).median()
    return Merit(
        distance=sliced_wasserstein(samples, data, seed),
        spectrum_db=float((_spectrum_db(samples) - _spectrum_db(data)).square().mean().sqrt()),
        coherence=float((_coherence(samples) - _coherence(data)).abs()),
        diversity=float(own / within[others].mean()),
        nearest=float(torch.cdist(coarse_p, coarse_q).amin(1).median() / nearest_data),
    )


def sliced_wasserstein(samples_N1ZX: Tensor, data_N1ZX: Tensor, seed: int = 0) -> float:
    """Between two sets of equal size."""
    draws = torch.Generator().manual_seed(seed)
    distances = []
    for level_p, level_q in zip(laplacian_pyramid(samples_N1ZX), laplacian_pyramid(data_N1ZX), strict=True):
        rows = torch.randint(level_p.shape[-2] - PATCH + 1, (PATCHES,), generator=draws).tolist()
        columns = torch.randint(level_p.shape[-1] - PATCH + 1, (PATCHES,), generator=draws).tolist()
        places = list(zip(rows, columns, strict=True))
        distances.append(_sliced(_patches(level_p, places), _patches(level_q, places), draws))
    distances.append(_sliced(level_p.flatten(1), level_q.flatten(1), draws))
    return float(torch.stack(distances).mean())


def laplacian_pyramid(samples_N1ZX: Tensor) -> list[Tensor]:
    """Band-passed copies from fine to coarse, each half as large; the last is the remainder.

    At most LEVELS, and none too small for a patch.
    """
    levels: list[Tensor] = []
    rest = samples_N1ZX
    while len(levels) < LEVELS - 1 and min(rest.shape[-2:]) >= 2 * PATCH:
        half = functional.avg_pool2d(rest, 2, ceil_mode=True)
        levels.append(rest - functional.interpolate(half, rest.shape[-2:], mode="bilinear"))
        rest = half
    return [*levels, rest]


def _patches(level_N1ZX: Tensor, places: list[tuple[int, int]]) -> Tensor:
    """`[N · places, PATCH²]`."""
    parts = [level_N1ZX[:, 0, z : z + PATCH, x : x + PATCH].flatten(1) for z, x in places]
    return torch.cat(parts)


def _sliced(p_ND: Tensor, q_ND: Tensor, draws: torch.Generator) -> Tensor:
    mean, deviation = q_ND.mean(), q_ND.std().clamp_min(1e-12)
    directions_DK = functional.normalize(torch.randn(p_ND.shape[1], DIRECTIONS, generator=draws), dim=0)
    p_NK, q_NK = (((each - mean) / deviation @ directions_DK).sort(0).values for each in (p_ND, q_ND))
    distance: Tensor = (p_NK - q_NK).abs().mean()
    return distance


def _spectrum_db(samples_N1ZX: Tensor) -> Tensor:
    """Mean amplitude at each frequency along z, in dB; below −60 dB of a unit amplitude counts as −60."""
    amplitude = torch.fft.rfft(samples_N1ZX, dim=-2, norm="ortho").abs().mean((0, 1, 3))
    decibel: Tensor = 20 * amplitude.clamp_min(1e-3).log10()
    return decibel


def _coherence(samples_N1ZX: Tensor) -> Tensor:
    traces = functional.normalize(samples_N1ZX - samples_N1ZX.mean(-2, keepdim=True), dim=-2)
    left, right = traces[..., :-1], traces[..., 1:]
    rows = traces.shape[-2]
    lags = [
        (left[..., max(0, lag) : rows + min(0, lag), :] * right[..., max(0, -lag) : rows - max(0, lag), :]).sum(-2)
        for lag in range(-LAG, LAG + 1)
    ]
    largest: Tensor = torch.stack(lags).amax(0).mean()
    return largest
