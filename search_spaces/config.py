"""Which network: its front, kind and size, and for a searched one its genotype."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PositiveInt
from pydantic.dataclasses import dataclass
from pydantic_core import from_json

from datagen.config import STRICT
from search_spaces.cells.operation_sets import OperationSet
from search_spaces.genotype import Genotype

Model = Literal["nasunet", "unet", "unet_small", "resunet34", "denseunet", "inversionnet"]
Samples = Annotated[int, Field(ge=1, le=16)]

IMAGENET = ("resunet34", "denseunet")  # models whose encoder torchvision has weights for
WEIGHT_FILES = (".safetensors", ".pth", ".pt")


PRETRAINED = ("gan", "autoencoder")  # made by `seisnas pretrain` for the runs of the same name


def _source(text: str) -> str:
    return _require_known(("scratch", *PRETRAINED, "imagenet"), text)


def _decoder_source(text: str) -> str:
    return _require_known(("scratch", *PRETRAINED), text)


def _require_known(words: tuple[str, ...], text: str) -> str:
    if text not in words and Path(text).suffix not in WEIGHT_FILES:
        raise ValueError(f"allowed are {', '.join(words)} or a file of weights ({', '.join(WEIGHT_FILES)})")
    return text


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Stack:
    """Echoes moved back to where they came from, for a few constant velocities (stack.py)."""

    kind: Literal["stack"] = "stack"
    fold: Samples = 4  # time samples kept for each depth row
    group: Annotated[int, Field(ge=1, le=8)] = 2  # neighbouring receivers that are averaged
    # True: everything works on the stack's grid, half as fine as the image; the head makes 2×2 cells of each cell.
    coarse: bool = False


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Migrate:
    """The stacks, and each shot migrated in the velocity that the network estimates (networks/migrating.py)."""

    kind: Literal["migrate"] = "migrate"
    fold: Samples = 4  # time samples kept for each depth row
    group: Annotated[int, Field(ge=1, le=8)] = 2  # neighbouring receivers that are averaged
    smoothing: Annotated[float, Field(ge=1, le=50)] = 5.0  # [cells] sigma, of the slowness that it migrates in
    passes: Annotated[int, Field(ge=1, le=4)] = 1  # how often it migrates and corrects the velocity

    @property
    def stack(self) -> Stack:
        """Of what the velocity is estimated from."""
        return Stack(fold=self.fold, group=self.group, coarse=True)


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Fold:
    """The time samples that fall on a depth row as its channels (survey_front.py)."""

    kind: Literal["fold"] = "fold"
    fold: Samples = 4  # time samples kept for each depth row


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Gather:
    """One gather at a time, for picking (fronts/gather.py)."""

    kind: Literal["gather"] = "gather"
    rows: Annotated[int, Field(ge=16, le=4096)] = 256  # length of the resampled time axis
    scaling: Literal["trace", "gather"] = "trace"  # what is scaled to an rms of 1


def _with_kind(front: Any) -> Any:
    """`front: fold` is short for `front: {kind: fold}`; the default kind is stack."""
    if isinstance(front, dict):
        return {"kind": "stack"} | front
    return {"kind": front} if isinstance(front, str) else front


def _parsed(value: Any) -> Any:
    """Parses JSON text, as in genotype.json, to the mapping in it."""
    try:
        return from_json(value) if isinstance(value, str) else value
    except ValueError as error:
        raise ValueError(f"expected a mapping, or a mapping as JSON text: {error}") from None


Front = Annotated[Stack | Migrate | Fold | Gather, Field(discriminator="kind"), BeforeValidator(_with_kind)]
Channels = dict[str, tuple[PositiveInt, PositiveInt]]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Network:
    """`nasunet` is built from `genotype` once one is known; until then it is searched.

    `resunet34`, `denseunet` and `inversionnet` have their published size, whatever depth and width; `unet_small` has
    `depth` scales and `parameters` parameters.  Behind a front that migrates there are two of them.
    """

    model: Model = "nasunet"
    depth: Annotated[int, Field(ge=2, le=6)] = 4  # number of scales
    width: Annotated[int, Field(ge=4, le=128)] = 16  # channels at the finest scale
    nodes: Annotated[int, Field(ge=1, le=5)] = 2  # per cell
    operations: OperationSet = "mobile"  # named sets of operation_sets.py
    front: Front = Stack()  # how shots become features
    genotype: Annotated[Genotype | None, BeforeValidator(_parsed)] = None
    # Of a channel-pruned network: layer → channels in, channels out (narrow.py).
    channels: Annotated[Channels | None, BeforeValidator(_parsed)] = None
    max_parameters: Annotated[int, Field(ge=1000)] = 700_000  # of a searched network, which is as wide as they allow
    parameters: Annotated[int, Field(ge=1000)] | None = None  # of unet_small, to 2 %
    # Weights that encoder and decoder start from: scratch, gan, autoencoder, a file; imagenet for some encoders.
    encoder_init: Annotated[str, AfterValidator(_source)] = "scratch"
    decoder_init: Annotated[str, AfterValidator(_decoder_source)] = "scratch"

    @property
    def gather_rows(self) -> int | None:
        """Rows of a network that picks one gather; None for one that images a survey."""
        return self.front.rows if isinstance(self.front, Gather) else None

    def with_model(self, model: Model, **size: Any) -> "Network":
        """Another network behind the same front; `size` (depth, width, parameters) as needed, the rest default."""
        return Network(front=self.front, model=model, **size)

    def __post_init__(self) -> None:
        if self.model == "inversionnet" and isinstance(self.front, Gather):
            raise ValueError("front: an inversionnet has its own; set network.model to unet, resunet34 or nasunet")
        if self.model == "inversionnet" and isinstance(self.front, Stack) and self.front.coarse:
            raise ValueError("front.coarse: an inversionnet has its own front; set network.front.coarse to false")
        if self.model == "inversionnet" and isinstance(self.front, Migrate):
            raise ValueError("front: an inversionnet cannot migrate; set network.front.kind to stack or fold")
        if self.model == "unet_small" and self.parameters is None:
            raise ValueError("parameters: unet_small is built to a size; set network.parameters to that size")
        if self.encoder_init == "imagenet" and self.model not in IMAGENET:
            raise ValueError(
                f"encoder_init: imagenet weights exist for {' and '.join(IMAGENET)}, not for {self.model}; "
                "set network.model to one of these, or network.encoder_init to scratch or a file"
            )
