"""First-break picking (target: first_break): which labels it learns, and how they are varied."""

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from datagen.config import STRICT, Interval, Range, Share

Index = Annotated[int, Field(ge=0)]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Picking:
    """Without `labelled` a network learns from the data set's gathers, whose labels the eikonal solver gives."""

    labelled: str | None = None  # .npz of gathers [S, T, R] and first_break_s [S, R], NaN where not picked
    interval: Interval | None = None  # [s] of `labelled`, if not in the file
    train: tuple[Index, ...] = ()  # gathers of `labelled` to learn from; none: all that are not held out
    held_out: tuple[Index, ...] = ()  # to score on; none: the training gathers, so the score means nothing
    start: str | None = None  # weights of a whole network to start from: weights.safetensors of a finished run
    draws: Annotated[int, Field(ge=1)] | None = None  # varied gathers per epoch; None: each gather once
    # Standard deviation of the Gaussian around a label; people agree to about a millisecond.
    width: Annotated[float, Field(gt=0, le=0.1)] = 1.0e-3  # [s]
    # Each gather is varied, with its labels: mirrored, of the other polarity, stretched and shifted in time, weaker or
    # stronger with time, followed by an echo.  All zero or one: not varied.
    stretch: Range[Annotated[float, Field(ge=0.2, le=5)]] = (0.8, 1.25)
    shift: Range[Annotated[float, Field(ge=-1, le=1)]] = (-0.01, 0.02)  # [s]
    gain: Range[Annotated[float, Field(ge=-10, le=10)]] = (-1.5, 1.5)  # exponent at the end of the record
    echo: Annotated[float, Field(ge=0, le=1)] = 0.5  # largest amplitude of an echo 2 to 15 ms later
    # Share of the draws that see another part of a longer record: some or all traces break before it or after it.
    elsewhere: Share = 0.0
    sparse: Share = 0.0  # share of the draws with fewer receivers, or every second or third
    # On modelled gathers: other wavelets, surface waves, hum, noise of each trace (trials/training/picking/)
    field_noise: bool = False
