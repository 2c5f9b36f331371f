"""How a trained network is made sparse, and how that is scored.

score = validation SSIM - size_weight · (non-zero parameters / parameters)
"""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from datagen.config import STRICT


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Compress:
    """Level pruning to a target sparsity, then fine-tuning with the zeros held."""

    sparsity: Annotated[float, Field(ge=0, lt=1)] = 0.5  # share of convolution and linear weights that become 0
    schedule: Literal["one_shot", "gradual"] = "one_shot"  # at once, or in steps with fine-tuning after each
    steps: Annotated[int, Field(ge=1, le=20)] = 3  # of the gradual schedule
    epochs: Annotated[int, Field(ge=1, le=10_000)] = 4  # of fine-tuning after each step
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 5.0e-4  # peak, of fine-tuning
    size_weight: Annotated[float, Field(ge=0, le=1)] = 0.05  # SSIM given up for the network's whole size
