"""Which network: its kind, its size, and for a searched one its genotype."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from datagen.config import STRICT

IMAGENET = ("resunet34", "denseunet")  # models whose encoder torchvision has weights for
WEIGHT_FILES = (".safetensors", ".pth", ".pt")


PRETRAINED = ("gan", "autoencoder")  # what `seisnas pretrain` leaves for the runs of the same name


def _source(text: str) -> str:
    return _one_of(("scratch", *PRETRAINED, "imagenet"), text)


def _decoder_source(text: str) -> str:
    return _one_of(("scratch", *PRETRAINED), text)


def _one_of(words: tuple[str, ...], text: str) -> str:
    if text not in words and Path(text).suffix not in WEIGHT_FILES:
        raise ValueError(f"allowed are {', '.join(words)} or a file of weights ({', '.join(WEIGHT_FILES)})")
    return text


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Network:
    """`nasunet` is built from `genotype` (JSON text) once one is known; until then it is searched.

    `resunet34`, `denseunet` and `inversionnet` have the size they were published with, whatever depth and width
    are; `unet_small` has `depth` scales and `parameters` parameters.
    """

    model: Literal["nasunet", "unet", "unet_small", "resunet34", "denseunet", "inversionnet"] = "nasunet"
    depth: Annotated[int, Field(ge=2, le=6)] = 4  # number of scales
    width: Annotated[int, Field(ge=4, le=128)] = 16  # channels at the finest scale
    nodes: Annotated[int, Field(ge=1, le=5)] = 2  # in a cell
    operations: Literal["light", "small", "mobile", "full"] = "mobile"  # named sets of search_spaces/primitives.py
    # How shots become features on the image's grid (front.py); `gather` for picking, one gather at a time
    # (gather_front.py).
    front: Literal["stack", "fold", "gather"] = "stack"
    fold: Annotated[int, Field(ge=1, le=16)] = 4  # time samples kept for each depth row
    # Of `stack`: neighbouring receivers that are averaged; and whether all works on the stack's own grid, half as fine
    # as the image, and the head makes 2×2 cells of each.
    group: Annotated[int, Field(ge=1, le=8)] = 2
    coarse: bool = False
    # Of `gather`, and of the gathers that are pretrained on: what the time axis is brought to, and an rms of 1.
    rows: Annotated[int, Field(ge=16, le=4096)] = 256
    scaling: Literal["trace", "gather"] = "trace"
    genotype: str | None = None
    channels: str | None = None  # of a channel-pruned network, layer by layer, as JSON (narrow.py)
    max_parameters: Annotated[int, Field(ge=1000)] = 700_000  # a search finds no network with more
    parameters: Annotated[int, Field(ge=1000)] | None = None  # of unet_small, to 2 %
    # Weights that encoder and decoder start from: scratch, gan, autoencoder, a file; of some encoders imagenet.
    encoder_init: Annotated[str, AfterValidator(_source)] = "scratch"
    decoder_init: Annotated[str, AfterValidator(_decoder_source)] = "scratch"

    @property
    def gather_rows(self) -> int | None:
        """Rows of a network that sees one gather; None for one that images a survey."""
        return self.rows if self.front == "gather" else None

    def __post_init__(self) -> None:
        if self.front == "gather" and self.model == "inversionnet":
            raise ValueError("front: an inversionnet has its own; set network.model to unet, resunet34 or nasunet")
        if self.coarse and (self.front != "stack" or self.model == "inversionnet"):
            raise ValueError("coarse: only networks behind a stack can work on its grid; set network.front to stack")
        if self.model == "unet_small" and self.parameters is None:
            raise ValueError("parameters: unet_small is made to a size; set network.parameters to the one wanted")
        if self.encoder_init == "imagenet" and self.model not in IMAGENET:
            raise ValueError(
                f"encoder_init: there are imagenet weights for {' and '.join(IMAGENET)}, not for {self.model}; "
                "set network.model to one of these, or network.encoder_init to scratch or a file"
            )
