"""How a trained network is compressed, and how the result is scored.

    score = validation SSIM − size_weight · (non-zero parameters / parameters of the dense network)

The score picks one network of the Pareto front, those that no other beats in both SSIM and non-zero parameters:
size_weight is the slope at which a user would trade one for the other.
"""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from datagen.config import STRICT


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Compress:
    """Pruning to a target sparsity in one or several steps, with fine-tuning after each."""

    # level: single weights become 0 and stay 0; channel: whole channels are removed, which also saves time.
    pruner: Literal["level", "channel"] = "level"
    sparsity: Annotated[float, Field(ge=0, lt=1)] = 0.5  # share of convolution and linear weights, or of channels
    # level: lamp: more of large layers than of small, sensitive ones (level.py); layer: of every layer the same share.
    scope: Literal["layer", "lamp"] = "lamp"
    schedule: Literal["one_shot", "gradual"] = "one_shot"  # in one go, or in steps with fine-tuning after each
    steps: Annotated[int, Field(ge=1, le=20)] = 3  # of the gradual schedule
    epochs: Annotated[int, Field(ge=1, le=10_000)] = 4  # of fine-tuning after each step
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 5.0e-4  # peak, of fine-tuning
    distil: Annotated[float, Field(ge=0)] = 0.0  # weight of the mean square distance to the dense network's image
    size_weight: Annotated[float, Field(ge=0, le=1)] = 0.05  # SSIM given up for the dense network's whole size
