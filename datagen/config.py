"""What a data set is made from: grid, geology, salt, survey, migration, split.  SI units throughout.

Every class is frozen and keyword-only, refuses unknown keys and checks its ranges when built.
"""

from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass

STRICT = ConfigDict(extra="forbid")

Number = TypeVar("Number", bound=float)


def _ordered(pair: tuple[Number, Number]) -> tuple[Number, Number]:
    if pair[0] > pair[1]:
        raise ValueError(f"the first value must not be above the second, got {list(pair)}")
    return pair


Range = Annotated[tuple[Number, Number], AfterValidator(_ordered)]
"""(lowest, highest); one value is drawn uniformly between them, whole numbers with both ends included."""

Velocity = Annotated[float, Field(ge=300, le=8000)]  # [m/s]
Distance = Annotated[float, Field(ge=0, le=1e6)]  # [m]
Share = Annotated[float, Field(ge=0, le=1)]  # of the section's width or depth


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Grid:
    """The section that is imaged: `nz` by `nx` cells of `spacing` metres, depth positive downwards."""

    nz: Annotated[int, Field(ge=16, le=4096)]
    nx: Annotated[int, Field(ge=16, le=4096)]
    spacing: Annotated[float, Field(gt=0, le=1000)]  # [m]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Geology:
    """Layered sediments; each range is drawn from anew for every model."""

    layers: Range[Annotated[int, Field(ge=1, le=200)]] = (4, 10)
    velocity: Range[Velocity] = (1500.0, 3500.0)  # [m/s] top to bottom trend
    velocity_scatter: Annotated[float, Field(ge=0, le=1000)] = 150.0  # [m/s] around the trend
    gradient: Range[Annotated[float, Field(ge=0, le=5)]] = (0.0, 0.5)  # [1/s] with depth inside a layer
    fold_amplitude: Range[Annotated[float, Field(ge=0, le=0.2)]] = (0.0, 0.05)  # of the width, per harmonic
    dip: Range[Annotated[float, Field(ge=-45, le=45)]] = (-5.0, 5.0)  # [degrees]
    faults: Range[Annotated[int, Field(ge=0, le=20)]] = (0, 3)
    fault_throw: Range[Share] = (0.02, 0.1)  # vertical displacement, share of the depth
    fault_dip: Range[Annotated[float, Field(ge=20, le=90)]] = (50.0, 75.0)  # [degrees] from the horizontal


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Salt:
    """A salt body: the union of a random number of convex hulls of random points (Zhan et al. 2022)."""

    probability: Annotated[float, Field(ge=0, le=1)] = 0.8
    hulls: Range[Annotated[int, Field(ge=1, le=20)]] = (1, 5)
    points: Range[Annotated[int, Field(ge=3, le=100)]] = (6, 13)  # a hull
    velocity: Annotated[float, Field(ge=3000, le=6000)] = 4500.0  # [m/s]
    size: Range[Annotated[float, Field(ge=0.01, le=0.5)]] = (0.08, 0.16)  # spread of the points, of the width
    depth: Range[Share] = (0.35, 0.7)  # centre of the body, share of the depth


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, int | float) else value


Cell = Annotated[float, Field(gt=0, le=1000)]  # [m]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class VelocityFile:
    """Velocity models cut from a file instead of drawn from geology and salt (sections.py)."""

    path: str  # .npy, SEG-Y (.sgy, .segy), or raw little-endian float32 of `shape`
    shape: tuple[Annotated[int, Field(ge=1)], ...] = ()  # of raw float32, in the order of `axes`
    # Slowest axis first, n: models, z: depth, y and x: distance.  None: zx, or nzx; a cube must say so, as zyx.
    axes: Annotated[str, Field(pattern="^[nxyz]*$")] = ""
    # One number for all axes, or (z, x), or (z, y, x).
    spacing: Annotated[tuple[Cell, ...], BeforeValidator(_as_tuple), Field(min_length=1, max_length=3)]
    unit: Annotated[float, Field(gt=0)] = 1.0  # factor to m/s: 1000 for km/s
    top: Range[Distance] = (0.0, 0.0)  # [m] depth in the file at which a section starts
    clip: Range[Velocity] | None = None  # [m/s] brought into this range, as water to what the survey can carry
    sha256: str = ""  # of the file; none: of the file as it is found, and then held by the data set
    velocity: Range[Velocity] | None = None  # [m/s] in the file, after `clip`; none: read from the file


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Imported:
    """Where the samples come from if `seisnas import` read them, and nothing here can make them."""

    source: str
    sha256: str  # of the names, sizes, beginnings and ends of its files
    kinds: tuple[Literal["data", "model", "image"], ...]  # what there is of each sample
    velocity: Range[Velocity] | None = None  # [m/s] in its models, if it has any


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Survey:
    """Fixed spread: all receivers record every source, both at one depth each."""

    shots: Annotated[int, Field(ge=1, le=512)]
    receivers: Annotated[int, Field(ge=2, le=4096)]
    source_positions: tuple[Distance, ...] = ()  # [m] of each; none: spread evenly over the width, on nodes
    receiver_positions: tuple[Distance, ...] = ()  # [m] the same
    source_depth: Distance = 10.0  # [m]
    receiver_depth: Distance = 10.0  # [m]
    free_surface: bool = False  # u = 0 at depth 0, where waves are reflected; false: they leave there too
    frequency: Annotated[float, Field(gt=0, le=500)]  # [Hz] peak of the Ricker wavelet
    interval: Annotated[float, Field(gt=0, le=0.1)]  # [s] between time samples
    samples: Annotated[int, Field(ge=16, le=100_000)]
    space_order: Literal[4, 6, 8] = 8
    # True: frequencies are put right that time steps and grid would delay, and the time step is the longest
    # stable one; false: the textbook scheme, time step `interval`.
    dispersion_correction: bool = True
    absorbing_cells: Annotated[int, Field(ge=6, le=200)] = 8
    precision: Literal["float32", "float64"] = "float32"  # of the modelling and migration


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Migration:
    """Reverse-time migration of the modelled shots."""

    smoothing: Annotated[float, Field(gt=0)] = 50.0  # [m] Gaussian sigma of the migration slowness
    taper: Annotated[float, Field(ge=0)] = 80.0  # [m] depth over which the image fades in


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Split:
    """Number of models; sample indices run train, validation, test."""

    train: Annotated[int, Field(ge=1)]
    validation: Annotated[int, Field(ge=1)]
    test: Annotated[int, Field(ge=1)]

    @property
    def total(self) -> int:
        return self.train + self.validation + self.test


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Data:
    """A data set: a function of this record alone (same bits for any number of workers)."""

    folder: str
    seed: Annotated[int, Field(ge=0)] = 0
    grid: Grid
    geology: Geology = Geology()
    salt: Salt = Salt()
    velocity_file: VelocityFile | None = None  # instead of geology and salt
    imported: Imported | None = None  # written by `seisnas import`, not by hand
    survey: Survey
    migration: Migration = Migration()
    split: Split
    shard_size: Annotated[int, Field(ge=8, le=10_000, multiple_of=8)] = 48  # models; made in chunks of 8
    dtype: Literal["float32", "float16"] = "float32"  # of the stored shots
