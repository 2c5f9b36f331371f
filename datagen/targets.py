"""What networks learn to predict, and its scale: physical values to about ±1 and back.

    target       normalised                            physical = factor · normalised + offset
    rtm          image / image_scale                   image_scale           0
    velocity     2 (v − v_min) / (v_max − v_min) − 1   (v_max − v_min) / 2   (v_max + v_min) / 2   [m/s]
    first_break  unchanged                             1                     0                     [s]
    both         velocity, then rtm

Scales come from the training split.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar, get_args

from numpy.typing import NDArray

from datagen.errors import InputError
from datagen.shards.manifest import ArrayKind, Statistics

if TYPE_CHECKING:  # configurations load without torch
    from torch import Tensor

TargetName = Literal["rtm", "velocity", "both", "first_break"]
StoredName = Literal["rtm", "velocity", "first_break"]
Values = TypeVar("Values", NDArray[Any], "Tensor")


@dataclass(frozen=True, kw_only=True)
class RtmImage:
    """Labels are clipped at ±1: few samples of an image are stronger."""

    stored_as: ClassVar[ArrayKind] = "image"
    unit: ClassVar[str] = "RTM image, arbitrary units"
    scale: float

    @property
    def factor(self) -> float:
        return self.scale

    @property
    def offset(self) -> float:
        return 0.0

    def normalise(self, values: Values) -> Values:
        return values / self.scale

    def label(self, values: Values) -> Values:
        """What a network learns of stored `values`."""
        return self.normalise(values).clip(-1.0, 1.0)

    def denormalise(self, values: Values) -> Values:
        return values * self.factor + self.offset


@dataclass(frozen=True, kw_only=True)
class VelocityModel:
    stored_as: ClassVar[ArrayKind] = "model"
    unit: ClassVar[str] = "m/s"
    lowest: float  # [m/s] becomes −1
    highest: float  # [m/s] becomes +1

    @property
    def factor(self) -> float:
        return (self.highest - self.lowest) / 2

    @property
    def offset(self) -> float:
        return (self.highest + self.lowest) / 2

    def normalise(self, values: Values) -> Values:
        return 2 * (values - self.lowest) / (self.highest - self.lowest) - 1

    def label(self, values: Values) -> Values:
        """What a network learns of stored `values`."""
        return self.normalise(values)

    def denormalise(self, values: Values) -> Values:
        return values * self.factor + self.offset


@dataclass(frozen=True, kw_only=True)
class FirstBreak:
    """Travel times; a picker finds them on a gather's own samples, so nothing is scaled."""

    stored_as: ClassVar[ArrayKind] = "first_break"
    unit: ClassVar[str] = "s"
    factor: ClassVar[float] = 1.0
    offset: ClassVar[float] = 0.0

    def normalise(self, values: Values) -> Values:
        return values

    def label(self, values: Values) -> Values:
        """What a network learns of stored `values`."""
        return values

    def denormalise(self, values: Values) -> Values:
        return values


Target = RtmImage | VelocityModel | FirstBreak


def make_targets(name: str, statistics: Statistics) -> tuple[Target, ...]:
    """The channels of what a network learns.  Raises InputError for a target that does not exist."""
    if name not in get_args(TargetName):
        raise InputError(f"target: got {name!r}; known: {', '.join(get_args(TargetName))}")
    parts = ("velocity", "rtm") if name == "both" else (name,)
    return tuple(make_target(part, statistics) for part in parts)


def make_target(name: str, statistics: Statistics) -> Target:
    """One of them.  Raises InputError for a target that does not exist."""
    match name:
        case "rtm":
            return RtmImage(scale=statistics.image_scale)
        case "velocity":
            return VelocityModel(lowest=statistics.velocity_min, highest=statistics.velocity_max)
        case "first_break":
            return FirstBreak()
    raise InputError(f"target: got {name!r}; known: {', '.join(get_args(StoredName))}")
