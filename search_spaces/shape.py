"""The shapes every network maps between: `shots [B, S, T, R]` to `image [B, 1, Z, X]`."""

from dataclasses import dataclass

import numpy as np

from datagen.config import Data
from datagen.ground.ranges import velocity_range
from datagen.waves.positions import distances
from datagen.waves.wavelet import peak_time

STACKS = 4  # constant velocities that shots are stacked with
MARGIN = 0.1  # the slowest is this share above the slowest of the geology, the fastest below the fastest


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """Where the shots were recorded and when a wave can arrive, in image cells and record samples."""

    sources: tuple[float, ...]  # [cells] from the left
    receivers: tuple[float, ...]
    source_depth: float  # [cells]
    receiver_depth: float
    onset: float  # [samples] at which the wavelet has its peak
    slowness: tuple[float, ...]  # [samples per cell] of the constant velocities, from slow to fast rock

    @property
    def velocity_limits(self) -> tuple[float, float]:
        """[cells per sample] of the slowest and the fastest rock of the geology."""
        return 1 / self.slowness[0] / (1 + MARGIN), 1 / self.slowness[-1] / (1 - MARGIN)

    @classmethod
    def of(cls, data: Data) -> "Geometry":
        survey, spacing = data.survey, data.grid.spacing
        sources_S, receivers_R = distances(data)
        slowest, fastest = velocity_range(data)
        velocities = np.geomspace((1 + MARGIN) * slowest, (1 - MARGIN) * fastest, STACKS)
        return cls(
            sources=tuple(sources_S.tolist()),
            receivers=tuple(receivers_R.tolist()),
            source_depth=survey.source_depth / spacing,
            receiver_depth=survey.receiver_depth / spacing,
            onset=peak_time(survey.frequency) / survey.interval,
            slowness=tuple((spacing / velocities / survey.interval).tolist()),
        )


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Sizes of one sample: shots S, time samples T, receivers R, depth cells Z, distance cells X."""

    shots: int
    samples: int
    receivers: int
    nz: int
    nx: int
    geometry: Geometry | None = None  # for networks that stack the shots

    @classmethod
    def of(cls, data: Data, gather_rows: int | None = None) -> "Shape":
        """Of the whole survey and its image; with `gather_rows`, of a single gather resampled to that many rows."""
        if gather_rows is not None:
            survey = data.survey
            return cls(shots=1, samples=survey.samples, receivers=survey.receivers, nz=gather_rows, nx=survey.receivers)
        return cls(
            shots=data.survey.shots,
            samples=data.survey.samples,
            receivers=data.survey.receivers,
            nz=data.grid.nz,
            nx=data.grid.nx,
            geometry=Geometry.of(data),
        )
