"""A network's output for its users, by target; read without torch.

target        one sample's output        command            shown as
rtm           [1, Z, X]                  seisnas predict    gray, around zero
velocity      [1, Z, X]                  seisnas predict    colours, from slow to fast
both          [2, Z, X] velocity, rtm    seisnas predict    as each
first_break   [2, R] time, confidence    seisnas pick       -
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from datagen.shards.manifest import Statistics
from datagen.targets import FirstBreak, TargetName, make_targets
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
        """Of the images `[Z, X]` in it; empty if it has none.  Networks are ranked by the last."""

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
class Images:
    """Images of the subsurface, a channel each."""

    target: Literal["rtm", "velocity", "both"]
    pictures: tuple[Picture, ...]
    command: Literal["predict"] = "predict"
    card: str = "card.md.jinja"

    def size(self, shape: Shape) -> list[int]:
        return [len(self.pictures), shape.nz, shape.nx]

    def deployed(self, network: "nn.Module", statistics: Statistics, shape: Shape) -> "nn.Module":
        from compressors.graphs.onnx_graph import Deployed  # noqa: PLC0415  torch, which running a bundle does without

        targets = make_targets(self.target, statistics)
        return Deployed(network, [each for each in targets if not isinstance(each, FirstBreak)])


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


RTM = Picture(name="RTM image", unit="RTM image, arbitrary units", signed=True)
VELOCITY = Picture(name="velocity", unit="m/s", signed=False)

OUTPUTS: dict[TargetName, Output] = {
    "rtm": Images("rtm", (RTM,)),
    "velocity": Images("velocity", (VELOCITY,)),
    "both": Images("both", (VELOCITY, RTM)),
    "first_break": Picks(),
}
