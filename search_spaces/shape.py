"""The shapes every network maps between: `shots [B, S, T, R]` to `image [B, 1, Z, X]`."""

from dataclasses import dataclass

from datagen.config import Data


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Sizes of one sample: shots S, time samples T, receivers R, depth cells Z, distance cells X."""

    shots: int
    samples: int
    receivers: int
    nz: int
    nx: int

    @classmethod
    def of(cls, data: Data) -> "Shape":
        return cls(
            shots=data.survey.shots,
            samples=data.survey.samples,
            receivers=data.survey.receivers,
            nz=data.grid.nz,
            nx=data.grid.nx,
        )
