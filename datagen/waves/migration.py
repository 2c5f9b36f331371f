"""Reverse-time migration: shots and a smooth velocity to an image of the reflectors.

    v₀ = smooth(v)                 gaussian in slowness; too smooth to reflect
    d  = shots − shots(v₀)         removes the direct wave, which v₀ has too
    I  = Σₛ ∫ uₛ λₛ dt             in v₀: uₛ from the source; λₛ from the receivers, −∂d/∂t in reversed time
    image = −∇² ( I / (Σₛ ∫ uₛ² dt + ε) ) · taper(z)

A rise of velocity with depth gives a positive peak at its depth.

Claerbout 1971, Geophysics 36(3) (imaging); Kaelin & Guitton 2006, SEG (illumination); Zhang & Sun 2009, First
Break 27(1) (Laplacian).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, laplace

from datagen.config import Data
from datagen.waves.kernel import KernelSpec
from datagen.waves.propagator import Propagator, batches
from datagen.waves.timing import Clock

STABILITY = 1e-3  # of the strongest illumination

Array = NDArray[Any]


def smooth_velocity(velocity_MZX: Array, sigma: float) -> NDArray[np.float64]:
    """1 / gaussian(1 / v), `sigma` in cells: smoothing slowness keeps travel times."""
    slowness = 1 / np.asarray(velocity_MZX, np.float64)
    return np.asarray(1 / gaussian_filter(slowness, sigma, axes=(-2, -1), mode="nearest"))


def compensate(image_MZX: Array, illumination_MZX: Array) -> Array:
    """I / (Σ u² + ε): amplitudes as if every cell had been lit alike."""
    strongest = illumination_MZX.max(axis=(-2, -1), keepdims=True)
    return np.asarray(image_MZX / (illumination_MZX + STABILITY * strongest))


def remove_low_wavenumbers(image_MZX: Array, spacing: float) -> Array:
    """−∇² I [1/m²]: removes the smooth noise where up- and downgoing waves meet along their paths."""
    return np.stack([-laplace(image_ZX, mode="nearest") / spacing**2 for image_ZX in image_MZX])


def depth_taper(nz: int, cells: float) -> NDArray[np.float64]:
    """sin² from 0 at the surface to 1 at a depth of `cells`, and 1 below [Z]."""
    ramp = np.minimum(np.arange(nz) / cells, 1.0) if cells > 0 else np.ones(nz)
    return np.asarray(np.sin(np.pi / 2 * ramp) ** 2)


class Migrator:
    """The two operators of RTM for one survey: smooth-model shots with snapshots, and adjoint with image."""

    def __init__(self, data: Data, spec: KernelSpec, clock: Clock) -> None:
        self.data, self.spec, self.clock = data, spec, clock
        self._source = Propagator(spec, "snapshots", data, clock)
        self._receivers = Propagator(spec, "adjoint", data, clock, sharing=self._source)

    def migrate(self, velocity_MZX: Array, shots_MSTR: Array) -> Array:
        """Images [M, Z, X] of shots [M, S, T, R]; `velocity_MZX` in m/s is smoothed here."""
        grid, settings = self.data.grid, self.data.migration
        smooth_MZX = smooth_velocity(velocity_MZX, settings.smoothing / grid.spacing)
        image_MZX, illumination_MZX = np.zeros((2, *velocity_MZX.shape))
        for model_B, shot_B in batches(len(velocity_MZX), self.data.survey.shots, self.spec.batch):
            self._source.set_velocity(smooth_MZX[model_B])
            self._source.set_sources(shot_B)
            self._source.run()
            self._inject(shots_MSTR[model_B, shot_B])
            self._receivers.run()
            for slot, model in enumerate(model_B):
                image_MZX[model] += self._receivers.slots("image")[..., slot]
                illumination_MZX[model] += self._receivers.slots("illumination")[..., slot]
        image_MZX = remove_low_wavenumbers(compensate(image_MZX, illumination_MZX), grid.spacing)
        image_MZX *= depth_taper(grid.nz, settings.taper / grid.spacing)[:, None]
        assert np.isfinite(image_MZX).all(), "images are not finite"
        return image_MZX.astype(self.spec.dtype)

    def _inject(self, shots_BTR: Array) -> None:
        """Minus the slope of the receivers' data without the direct wave.

        Receivers act as point sources on a line, whose field is the time integral of what they emit: without the
        derivative a reflector would be a zero crossing instead of a peak.
        """
        direct_BTR = self.clock.gather(self._source.recorded(len(shots_BTR)))
        self._receivers.emit(self.clock.slope(direct_BTR - shots_BTR))
