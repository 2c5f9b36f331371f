"""The U-Fourier operation: a filter of global reach, one of half resolution and the input, mixed together.

    y = norm(W (K r + U r + r)),  r = relu(x)       K r = irfft2(k · rfft2(r)), lowest modes only

After the U-Fourier layer of U-FNO (Wen et al. 2022), a candidate of the search in PDARTS for seismic inversion
(Souza et al. 2025).  There every mode has a dense matrix over channels, hundreds of thousands of weights per layer;
here k and U act on each channel separately and the pointwise W mixes them.  The transform is two products with
matrices of cosines and sines instead of an FFT: the same numbers, and it exports to ONNX.
"""

from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

MODES = 6  # highest wavenumber kept along each axis, in cycles over the map


class SpectralFilter(nn.Module):
    """Each channel is convolved over the whole map, taken as periodic: `[B, C, Z, X]` → the same.

    A map of n cells has only wavenumbers below n/2; on a small map the other weights are unused.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        modes = (channels, 2 * MODES + 1, MODES + 1)  # k_z = -MODES … MODES, k_x = 0 … MODES
        self.real = nn.Parameter(torch.randn(modes))
        self.imaginary = nn.Parameter(torch.randn(modes))

    def forward(self, x: Tensor) -> Tensor:
        """With e^{-ikz} = c - is, its rows the modes: X = (c - is)_z x (c - is)_x, Y = kX, y = Re of the inverse."""
        nz, nx = x.shape[-2:]
        high_z, high_x = min(MODES, (nz - 1) // 2), min(MODES, (nx - 1) // 2)
        cos_z, sin_z = (torch.as_tensor(part, dtype=x.dtype, device=x.device) for part in _waves(nz, -high_z, high_z))
        cos_x, sin_x = (torch.as_tensor(part, dtype=x.dtype, device=x.device) for part in _waves(nx, 0, high_x))
        along_cos, along_sin = x @ cos_x.T, x @ sin_x.T
        real = cos_z @ along_cos - sin_z @ along_sin
        imaginary = -(cos_z @ along_sin + sin_z @ along_cos)
        kept = slice(MODES - high_z, MODES + high_z + 1), slice(0, high_x + 1)
        a, b = self.real[:, *kept], self.imaginary[:, *kept]
        real, imaginary = a * real - b * imaginary, a * imaginary + b * real
        twice = torch.ones(high_x + 1, dtype=x.dtype, device=x.device)
        twice[1:] = 2.0  # for the negative k_x of a real map
        real, imaginary = real * twice / (nz * nx), imaginary * twice / (nz * nx)
        along_cos = cos_z.T @ real - sin_z.T @ imaginary
        along_sin = cos_z.T @ imaginary + sin_z.T @ real
        return along_cos @ cos_x - along_sin @ sin_x


@cache
def _waves(cells: int, lowest: int, highest: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """cos and sin of 2πkn/cells, `[k, n]`."""
    phase = 2 * np.pi / cells * np.outer(np.arange(lowest, highest + 1), np.arange(cells))
    return np.cos(phase).astype(np.float32), np.sin(phase).astype(np.float32)


class UFourier(nn.Module):
    """K r + U r + r, on each channel separately."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.spectral = SpectralFilter(channels)
        self.coarse = nn.Sequential(
            nn.Conv2d(channels, channels, 3, stride=2, padding=1, groups=channels, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        up = functional.interpolate(self.coarse(x), size=x.shape[-2:], mode="bilinear")
        y: Tensor = self.spectral(x) + up + x
        return y


def u_fourier(channels: int, stride: int = 1) -> nn.Module:
    return nn.Sequential(
        nn.ReLU(),
        UFourier(channels),
        nn.Conv2d(channels, channels, 1, stride=stride, bias=False),
        nn.BatchNorm2d(channels),
    )
