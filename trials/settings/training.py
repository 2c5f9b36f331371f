"""Settings common to all trainings: tuning, search, fine-tuning, baseline."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from datagen.config import STRICT


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Given:
    """Velocities that a network which migrates is given in training, in place of its own estimate.

    True ones with smooth random errors (trials/training/migrating/given_velocities.py), which it learns to repair: the
    labels stay those of the true velocity.
    """

    share: Annotated[float, Field(ge=0, le=1)] = 0.0  # of the samples; the others migrate in the estimate
    error: Annotated[float, Field(ge=0, le=0.5)] = 0.05  # largest, rms, share of the velocity


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Training:
    """How a network is trained; duration and learning rate belong to the stage (`tune`, `search`, …)."""

    batch_size: Annotated[int, Field(ge=1, le=4096)] = 8
    # muon (trials/training/muon.py) needs half of the samples of adamw, or fewer (benchmarks/results/imaging.md).
    optimizer: Literal["muon", "adamw"] = "muon"
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 1.0e-4
    mirror: bool = True  # shots, receivers and image are flipped together at random
    # Decay per step of the moving average of the weights, which is scored and saved; 0: the weights themselves.
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.999
    patience: Annotated[int, Field(ge=0)] = 0  # epochs without a better validation score before it stops; 0: never
    # A bundle, or the name of a ready-made one: its weights are the first, and its scales of shots and labels hold.
    start: str | None = None
    teacher: str | None = None  # folder of a finished run on the same data, for loss.distil
    given: Given = Given()  # the search of cells ignores it: its supernet does not migrate
