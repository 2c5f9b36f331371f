"""Settings of pretraining: what encoders learn from before they see a label, and how."""

from math import ceil
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from datagen.config import STRICT, Interval
from search_spaces.config import Gather

EPOCH = 100  # steps between two checkpoints, at most


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Pretrain:
    """Pretraining of the network of `network` on unlabelled samples, `[1, rows, columns]` each."""

    kind: Literal["gan", "autoencoder"] = "gan"
    source: Literal["gathers", "shots", "velocity"] = "shots"  # files of gathers, or the data set's shots or models
    gathers: tuple[str, ...] = ()  # files of shot gathers
    npy_interval: Interval | None = None  # [s] between samples in .npy; others say it
    samples: Annotated[int, Field(ge=8, le=100_000)] = 4096  # at most this many in memory, evenly chosen
    # What the network sees of a gather: its first `duration`, as its front brings it, `columns` neighbouring receivers;
    # wider gathers are cut into windows.  Velocity models keep their grid.
    gather: Gather = Gather()  # the front, where that of network.front sees no gathers
    duration: Annotated[float, Field(gt=0, le=100)] | None = None  # [s]; none: the whole of the first record
    columns: Annotated[int, Field(ge=8, le=2048)] | None = None  # none: as many as the first gather has
    steps: Annotated[int, Field(ge=1, le=10_000_000)] = 3000  # rounded up to whole epochs
    batch_size: Annotated[int, Field(ge=2, le=1024)] = 16
    learning_rate: Annotated[float, Field(gt=0, le=0.1)] = 2.0e-4
    latent: Annotated[int, Field(ge=2, le=1024)] = 64  # gan: dimension of the latent space
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.999  # gan: decay per step of the generator's moving average
    r1: Annotated[float, Field(ge=0, le=100)] = 10.0  # gan: weight of the discriminator's slope on data
    instance_noise: Annotated[float, Field(ge=0, le=2)] = 0.2  # gan: rms of noise on the discriminator's input
    mask: Annotated[float, Field(gt=0, lt=1)] = 0.5  # autoencoder: share of a sample that is hidden

    def __post_init__(self) -> None:
        if (self.source == "gathers") != bool(self.gathers):
            raise ValueError("source: gathers and a list of files in gathers need each other")

    @property
    def epochs(self) -> int:
        return ceil(self.steps / EPOCH)

    @property
    def epoch_steps(self) -> int:
        return ceil(self.steps / self.epochs)
