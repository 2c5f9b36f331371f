"""The networks of a campaign, in the order in which they are trained.

A network maps shots `[B, S, T, R]` to images in the order of `targets`, as the channels of one tensor `[B, C, Z, X]`.
A new one is a line here.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from torch import nn

from datagen.shards.manifest import Statistics
from search_spaces.build import build
from search_spaces.config import Migrate, Network
from search_spaces.genotype import Genotype
from search_spaces.shape import Shape

CELLS = Genotype(  # found by sampling; the best of results/compare.md
    depth=4,
    width=32,
    nodes=2,
    encoder=(("dil_conv_3x3",), ("sep_conv_3x3", "none")),
    decoder=(("sep_conv_3x3",), ("skip", "dil_conv_3x3")),
    down="skip",
    up="skip",
)


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """Batch, peak rate and compilation are those on a GPU; on a CPU the batch is the preset's `training.batch_size`."""

    name: str
    targets: tuple[str, ...]
    build: Callable[[Shape, Statistics], nn.Module]
    batch: int
    rate: float
    share: float  # of the minutes, among those that are still to be trained
    muon: bool = False  # the optimizer, instead of AdamW
    compiled: bool = False  # torch.compile is tried, and kept if its steps are faster
    kept: bool = False  # weights are small enough to be handed out

    @property
    def label(self) -> str:
        return f"{self.name}/{'+'.join(self.targets)}"

    @property
    def file_name(self) -> str:
        return self.label.replace("/", "_")


def built(network: Network, shape: Shape, statistics: Statistics) -> nn.Module:
    """A network that a configuration can describe."""
    return build(network, shape, statistics.shot_scale)


MIGRATING = partial(built, Network(model="nasunet", genotype=replace(CELLS, width=24), front=Migrate()))
SMALL = partial(built, Network(model="nasunet", genotype=CELLS))
UNET = partial(built, Network(model="unet", depth=5, width=48))
RESUNET34 = partial(built, Network(model="resunet34"))
INVERSIONNET = partial(built, Network(model="inversionnet"))

CONTESTANTS = (
    Contestant(
        name="migrating",
        targets=("velocity", "rtm"),
        build=MIGRATING,
        batch=64,
        rate=0.01,
        share=12,
        muon=True,
        compiled=True,
        kept=True,
    ),
    Contestant(
        name="small", targets=("velocity",), build=SMALL, batch=64, rate=0.01, share=4, compiled=True, kept=True
    ),
    Contestant(name="small", targets=("rtm",), build=SMALL, batch=64, rate=0.01, share=4, compiled=True, kept=True),
    Contestant(name="unet", targets=("velocity",), build=UNET, batch=128, rate=0.001, share=3),
    Contestant(name="unet", targets=("rtm",), build=UNET, batch=128, rate=0.001, share=3),
    Contestant(name="resunet34", targets=("velocity",), build=RESUNET34, batch=128, rate=0.001, share=2),
    Contestant(name="resunet34", targets=("rtm",), build=RESUNET34, batch=128, rate=0.001, share=2),
    Contestant(name="inversionnet", targets=("velocity",), build=INVERSIONNET, batch=128, rate=0.001, share=2),
)
