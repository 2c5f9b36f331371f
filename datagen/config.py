"""What a data set is made from: grid, geology, salt, survey, migration, split.  SI units throughout.

Every class is frozen and keyword-only, refuses unknown keys and checks its ranges when built.
"""

from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass

STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)

MOST_SHARDS = 12_000  # their records must fit in a manifest (reading.MOST_JSON)

INTERVAL = (1e-7, 0.1)  # [s] between time samples, from ten megahertz to ten hertz
Interval = Annotated[float, Field(ge=INTERVAL[0], le=INTERVAL[1])]

Number = TypeVar("Number", bound=float)


def _ordered(pair: tuple[Number, Number]) -> tuple[Number, Number]:
    if pair[0] > pair[1]:
        raise ValueError(f"the first value must not be above the second, got {list(pair)}")
    return pair


Range = Annotated[tuple[Number, Number], AfterValidator(_ordered)]
"""(lowest, highest); one value is drawn uniformly between them, integers with both ends included."""

Velocity = Annotated[float, Field(ge=300, le=8000)]  # [m/s]
Distance = Annotated[float, Field(ge=0, le=1e6)]  # [m]
Share = Annotated[float, Field(ge=0, le=1)]
FaultDip = Annotated[float, Field(ge=20, le=90)]  # [degrees]

Family = Literal["layered", "flat", "curved", "flat_fault", "curved_fault", "style"]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Grid:
    """The imaged section: `nz` by `nx` cells of `spacing` metres, depth positive downwards."""

    nz: Annotated[int, Field(ge=16, le=4096)]
    nx: Annotated[int, Field(ge=16, le=4096)]
    spacing: Annotated[float, Field(gt=0, le=1000)]  # [m]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Geology:
    """Sediments and water; every model draws anew from each range.  docs/geology.md has pictures and sources."""

    family: Family = "layered"  # narrows the ranges below, see `geology.narrowed`; after OpenFWI, Deng et al. 2022
    layers: Range[Annotated[int, Field(ge=1, le=200)]] = (4, 10)
    # Shape of the gamma law of layer thickness: 1 is exponential (layers end at random), large is evenly thick;
    # its coefficient of variation is 1/√shape.
    thickness_shape: Annotated[float, Field(ge=0.5, le=100)] = 2.5
    # [m] by which the column of layers is taller than the section, which may begin at any depth of it: eroded ground,
    # fast or slow from the top on.  The taller, the fainter its contrasts; layers and beds are as many per metre.
    taller: Range[Annotated[float, Field(ge=0, le=20_000)]] = (0.0, 0.0)
    velocity: Range[Velocity] = (1500.0, 3500.0)  # [m/s] limits; sediments rise from near one to near the other
    velocity_scatter: Annotated[float, Field(ge=0, le=1000)] = 150.0  # [m/s] around the rise, one sigma
    # Share of the layers that are slower than the one above, never two in a row; 0 as in OpenFWI's A versions.
    inversions: Annotated[float, Field(ge=0, le=0.5)] = 0.2
    # [1/s] k in v = v₀ + k z, the same in all layers; 0.3 to 1.3 in whole basins (Sheriff & Geldart 1995), less
    # here because velocity also rises from layer to layer.  Capped to stay within the limits of `velocity`.
    gradient: Range[Annotated[float, Field(ge=0, le=5)]] = (0.0, 0.5)
    # Top and base of a bed thinner than a quarter wavelength cannot be resolved (Kallweit & Wood 1982): 40 m at
    # 2500 m/s and 15 Hz.
    thin_beds: Range[Annotated[int, Field(ge=0, le=50)]] = (0, 0)
    thin_bed_thickness: Range[Distance] = (10.0, 40.0)  # [m]
    thin_bed_contrast: Range[Annotated[float, Field(ge=0, le=2000)]] = (150.0, 500.0)  # [m/s] faster or slower
    fold_amplitude: Range[Annotated[float, Field(ge=0, le=0.2)]] = (0.0, 0.05)  # of the width, per harmonic
    dip: Range[Annotated[float, Field(ge=-45, le=45)]] = (-5.0, 5.0)  # [degrees]
    faults: Range[Annotated[int, Field(ge=0, le=20)]] = (0, 3)
    fault_throw: Range[Share] = (0.02, 0.1)  # vertical displacement, share of the depth
    # [degrees] from the horizontal.  Friction makes normal faults of about 60°, reverse ones of about 30° (Anderson
    # 1951); reactivated normal faults are steeper.
    fault_dip: Range[FaultDip] = (50.0, 75.0)  # of normal faults: hanging wall down, under extension
    reverse_faults: Share = 0.3  # of the models are under compression: their faults are reverse, hanging wall up
    reverse_fault_dip: Range[FaultDip] = (25.0, 50.0)
    water_depth: Range[Distance] = (0.0, 0.0)  # [m] of a gently waving sea floor; [0, 0] is land
    marine: Share = 1.0  # of the models have that water, the rest are on land
    # [m/s] one value per model.  The sea has 1450 to 1540 (Mackenzie 1981); below 1500 needs a finer grid.
    water_velocity: Range[Annotated[float, Field(ge=1400, le=1600)]] = (1500.0, 1500.0)
    style_image: str = ""  # family `style`: an image file or 2-D .npy; part of the recipe, so keep it with the preset
    style_sha256: str = ""  # of that file; when given, another file is refused
    style_smoothing: Range[Distance] = (10.0, 60.0)  # [m] Gaussian sigma: OpenFWI's Style-B is sharp, Style-A smooth


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Salt:
    """A salt body: the union of a random number of convex hulls of random points (Zhan et al. 2022)."""

    probability: Share = 0.8  # that a model has salt
    hulls: Range[Annotated[int, Field(ge=1, le=20)]] = (1, 5)
    points: Range[Annotated[int, Field(ge=3, le=100)]] = (6, 13)  # per hull
    velocity: Annotated[float, Field(ge=3000, le=6000)] = 4500.0  # [m/s] halite (Jones & Davison 2014)
    # Spread of the points, one sigma, as a share of the section's shorter side; a body is four to five times as wide.
    size: Range[Annotated[float, Field(ge=0.01, le=0.25)]] = (0.08, 0.16)
    depth: Range[Share] = (0.35, 0.7)  # centre of the body, share of the depth; moved down where its top is too high
    # [m] how far the boundary strays from the hulls, over a length of six times that: the rugose top of salt, which
    # scatters waves.
    rugosity: Range[Annotated[float, Field(ge=0, le=500)]] = (0.0, 0.0)
    # "Dirty" salt: lenses of sediments and potash salts, 3000 to 4200 m/s, or of anhydrite, about 6000 m/s, which
    # shortens the time step (Jones & Davison 2014).
    inclusions: Range[Annotated[int, Field(ge=0, le=50)]] = (0, 0)
    inclusion_size: Range[Annotated[float, Field(ge=1, le=10_000)]] = (40.0, 120.0)  # [m] length
    inclusion_velocity: Range[Velocity] = (3000.0, 4200.0)  # [m/s]


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, int | float) else value


CellSize = Annotated[float, Field(gt=0, le=1000)]  # [m]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class VelocityFile:
    """Velocity models cut from a file instead of drawn from geology and salt (files/sections.py)."""

    path: str  # .npy, SEG-Y (.sgy, .segy), or raw little-endian float32 of `shape`
    shape: tuple[Annotated[int, Field(ge=1)], ...] = ()  # of raw float32, in the order of `axes`
    # Slowest axis first, n: models, z: depth, y and x: distance.  Empty: zx, or nzx; a cube needs zyx.
    axes: Annotated[str, Field(pattern="^[nxyz]*$")] = ""
    # One number for all axes, or (z, x), or (z, y, x).
    spacing: Annotated[tuple[CellSize, ...], BeforeValidator(_as_tuple), Field(min_length=1, max_length=3)]
    unit: Annotated[float, Field(gt=0)] = 1.0  # factor to m/s: 1000 for km/s
    top: Range[Distance] = (0.0, 0.0)  # [m] depth in the file at which a section starts
    clip: Range[Velocity] | None = None  # [m/s] clipped to this range, as water to what the survey can carry
    sha256: str = ""  # of the file; empty: taken from the file, and recorded with the data set
    velocity: Range[Velocity] | None = None  # [m/s] in the file, after `clip`; none: read from the file


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Imported:
    """Where the samples of `seisnas import` came from; nothing here can make them again."""

    source: str
    sha256: str  # of the names, sizes, beginnings and ends of its files
    kinds: tuple[Literal["data", "model", "image"], ...]  # stored for each sample
    velocity: Range[Velocity] | None = None  # [m/s] in its models, if it has any

    def __post_init__(self) -> None:
        if "data" not in self.kinds:
            raise ValueError(f"kinds must include data, the shots; got {list(self.kinds)}")


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Survey:
    """Fixed spread: all receivers record every source, both at one depth each."""

    shots: Annotated[int, Field(ge=1, le=512)]
    receivers: Annotated[int, Field(ge=2, le=4096)]
    source_positions: tuple[Distance, ...] = ()  # [m] of each; none: spread evenly over the width, on nodes
    receiver_positions: tuple[Distance, ...] = ()  # [m] the same
    source_depth: Distance = 10.0  # [m]
    receiver_depth: Distance = 10.0  # [m]
    free_surface: bool = False  # true: u = 0 at depth 0, which reflects waves; false: they leave there too
    frequency: Annotated[float, Field(gt=0, le=500)]  # [Hz] peak of the Ricker wavelet
    interval: Interval  # [s] between time samples
    samples: Annotated[int, Field(ge=16, le=100_000)]
    space_order: Literal[4, 6, 8] = 8
    # True: correct the numerical dispersion of time step and grid, and use the longest stable time step;
    # false: the textbook scheme, time step `interval`.
    dispersion_correction: bool = True
    absorbing_cells: Annotated[int, Field(ge=6, le=200)] = 8
    precision: Literal["float32", "float64"] = "float32"  # of the modelling and migration


@dataclass(frozen=True, kw_only=True, config=STRICT)
class ReverseTimeMigration:
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
    imported: Imported | None = None  # written by `seisnas import`; do not set
    survey: Survey
    migration: ReverseTimeMigration = ReverseTimeMigration()
    split: Split
    shard_size: Annotated[int, Field(ge=8, le=10_000, multiple_of=8)] = 48  # models; made in chunks of 8
    dtype: Literal["float32", "float16"] = "float32"  # of the stored shots
    first_breaks: bool = False  # store first-arrival travel times too; doubles the time to generate

    def __post_init__(self) -> None:
        if self.split.total > MOST_SHARDS * self.shard_size:
            raise ValueError(
                f"split has {self.split.total} models, at most {MOST_SHARDS} shards of shard_size, "
                f"{self.shard_size}, hold {MOST_SHARDS * self.shard_size}"
            )


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Effects:
    """What a field survey does to shots; added to the clean ones during training (datagen/effects.py)."""

    snr_db: Range[Annotated[float, Field(ge=-40, le=100)]] | None = None  # [dB] under the median trace; none: no noise
    noise_band: Range[Annotated[float, Field(ge=0, le=5000)]] = (3.0, 60.0)  # [Hz]
    dead_traces: Range[Share] = (0.0, 0.0)  # share of the receivers, silent in every shot
    receiver_jitter: Annotated[float, Field(ge=0, le=0.1)] = 0.0  # [s] standard deviation of a receiver's clock
    missing_shots: Range[Annotated[int, Field(ge=0, le=511)]] = (0, 0)  # all zero
