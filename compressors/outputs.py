"""A network's output for its users, by target; read without torch.

target        one sample's output        command            shown as
rtm           [1, Z, X]                  seisnas predict    gray, around zero
velocity      [1, Z, X]                  seisnas predict    colours, from slow to fast
first_break   [2, R] time, confidence    seisnas pick       -
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from datagen.shards.manifest import Statistics
from datagen.targets import RtmImage, TargetName, VelocityModel, make_target
from search_spaces.shape import Shape

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, kw_only=True)
class Picture:
    """How one image of an output is shown."""

    name: str
    unit: str
    signed: bool  # has both signs


class Output(Protocol):
    """The output for one target."""

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """Of the images `[Z, X]` in it; empty if it has none."""

    @property
    def command(self) -> Literal["predict", "pick"]:
        """The seisnas command that runs a bundle with this output."""

    @property
    def card(self) -> str:
        """Template of the model card, in this folder."""

    def size(self, shape: Shape) -> list[int]:
        """Shape of one sample's output."""

    def deployed(self, network: "nn.Module", statistics: Statistics, shape: Shape) -> "nn.Module":
        """`network` as deployed: raw shots in, this output in physical units out."""


@dataclass(frozen=True)
class Image:
    """An image of the subsurface."""

    target: Literal["rtm", "velocity"]
    picture: Picture
    command: Literal["predict"] = "predict"
    card: str = "card.md.jinja"

    @property
    def pictures(self) -> tuple[Picture, ...]:
        return (self.picture,)

    def size(self, shape: Shape) -> list[int]:
        return [1, shape.nz, shape.nx]

    def deployed(self, network: "nn.Module", statistics: Statistics, shape: Shape) -> "nn.Module":
        from compressors.graphs.onnx_graph import Deployed  # noqa: PLC0415  torch, which running a bundle does without

        target = make_target(self.target, statistics)
        assert isinstance(target, RtmImage | VelocityModel)
        return Deployed(network, target)


@dataclass(frozen=True)
class Picks:
    """First breaks of a gather and their confidence (search_spaces/picks.py)."""

    pictures: tuple[Picture, ...] = ()
    command: Literal["pick"] = "pick"
    card: str = "picker_card.md.jinja"

    def size(self, shape: Shape) -> list[int]:
        return [2, shape.receivers]

    def deployed(self, network: "nn.Module", statistics: Statistics, shape: Shape) -> "nn.Module":
        from search_spaces.picks import Picker  # noqa: PLC0415  torch

        return Picker(network, shape.samples)


OUTPUTS: dict[TargetName, Output] = {
    "rtm": Image("rtm", Picture(name="RTM image", unit="RTM image, arbitrary units", signed=True)),
    "velocity": Image("velocity", Picture(name="velocity", unit="m/s", signed=False)),
    "first_break": Picks(),
}
