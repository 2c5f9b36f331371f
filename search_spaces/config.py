"""Which network: its kind, its size, and for a searched one its genotype."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from datagen.config import STRICT


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Network:
    """`nasunet` is built from `genotype` (JSON text) once one is known; until then it is searched."""

    model: Literal["nasunet", "unet"] = "nasunet"
    depth: Annotated[int, Field(ge=2, le=6)] = 4  # number of scales
    width: Annotated[int, Field(ge=4, le=128)] = 16  # channels at the finest scale
    nodes: Annotated[int, Field(ge=1, le=5)] = 2  # in a cell
    operations: Literal["small", "mobile", "full"] = "mobile"  # named sets of search_spaces/primitives.py
    fold: Annotated[int, Field(ge=1, le=16)] = 4  # time samples folded into channels at each depth row
    genotype: str | None = None
    max_parameters: Annotated[int, Field(ge=1000)] = 700_000  # a search finds no network with more
