"""A network that estimates the velocity and migrates with it: shots in, velocity and image out, trained end to end.

    shots ─► level ─► stacks at constant velocities ─► velocity cells ─► estimate
               │                   │                                        │
               └───────────────────┼──► migration in it, shot by shot ◄─────┘◄─────────┐
                                   ▼              │                         │           │
                         concatenated features ◄──┴─────────────────────────┘           │
                                   └─► image cells ─┬─► image                           │ next pass
                                                    └─► correction of the estimate ─────┘

    estimate    v = v_min + (v_max − v_min) σ(y),   y ← y + correction after each pass

How well echoes focus in the estimate shows where it is wrong, so the cells that see them correct it; the corrected one
is the velocity that is returned.  All passes share their weights.  All cells work on the grid of the stacks, half as
fine as the image; the heads make 2×2 cells of each.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from search_spaces.fronts.migration import Migration
from search_spaces.fronts.stack import STRIDE
from search_spaces.fronts.survey_front import SurveyFront
from search_spaces.networks.contract import Features, ImagingNetwork

NEAREST = 1e-4  # share of the range of velocities that one that is given stays away from its limits

GivenVelocities = tuple[Tensor, Tensor]
"""Velocities `[B, 1, Z, X]`, normalised, and which samples `[B]` have them in place of their first estimate."""


class Given(Features):
    """The front of cells whose features come from elsewhere, on a grid half as fine as the images of `size`."""

    def __init__(self, channels: int, size: tuple[int, int], outputs: int = 1) -> None:
        super().__init__()
        self.channels, self.finer, self.outputs = channels, size, outputs

    def forward(self, features_BCZX: Tensor) -> Tensor:
        return features_BCZX.contiguous(memory_format=torch.channels_last)


def given_fronts(front: SurveyFront, migration: Migration, size: tuple[int, int]) -> tuple[Given, Given]:
    """Of the velocity cells, which see the stacks, and of the image cells: migrated shots and estimate as well."""
    seen = front.channels + migration.channels + 1
    return Given(front.channels, size), Given(seen, size, outputs=2)


class MigratingNetwork(nn.Module):
    """Shots `[B, S, T, R]` → velocity and image, both normalised, `[B, 2, Z, X]`.

    In training a third output follows, the first estimate of the velocity, which has its own loss.  `velocity` maps
    the constant stacks of `front` to the estimate before its sigmoid; `image` maps those, the migrated shots and the
    estimate to the image and the correction (`given_fronts`).  `limits` are those of the velocity [cells per sample].

    In a velocity that is `given` a sample is migrated and corrected as in its own estimate, which is returned as the
    third output all the same.
    """

    def __init__(
        self,
        front: SurveyFront,
        velocity: ImagingNetwork,
        migration: Migration,
        image: ImagingNetwork,
        limits: tuple[float, float],
        passes: int = 1,
    ) -> None:
        super().__init__()
        self.front, self.velocity, self.migration, self.image = front, velocity, migration, image
        self.limits = limits
        self.passes = passes

    def forward(self, shots_BSTR: Tensor, given: GivenVelocities | None = None) -> Tensor:
        level_BSNG = self.front.level(shots_BSTR)
        return self.from_features(level_BSNG, self.front.arrange(level_BSNG), given)

    def from_features(self, level_BSNG: Tensor, stacks_BCZX: Tensor, given: GivenVelocities | None = None) -> Tensor:
        """The same from what depends on the shots alone, which a training may keep."""
        first_B1ZX = y_B1ZX = self.velocity(stacks_BCZX).float()
        if given is not None:
            velocity_B1ZX, chosen_B = given
            y_B1ZX = torch.where(chosen_B[:, None, None, None], _before_sigmoid(velocity_B1ZX), y_B1ZX)
        for _ in range(self.passes):
            image_B1ZX, correction_B1ZX = self._migrate(level_BSNG, stacks_BCZX, y_B1ZX).tensor_split(2, dim=1)
            y_B1ZX = y_B1ZX + correction_B1ZX
        outputs = [_normalised(y_B1ZX), image_B1ZX]
        return torch.cat([*outputs, _normalised(first_B1ZX)] if self.training else outputs, dim=1)

    def in_velocity(self, shots_BSTR: Tensor, velocity_B1ZX: Tensor) -> Tensor:
        """The image `[B, 1, Z, X]` in a velocity that is given, normalised; beyond its limits it is limited."""
        level_BSNG = self.front.level(shots_BSTR)
        return self._migrate(level_BSNG, self.front.arrange(level_BSNG), _before_sigmoid(velocity_B1ZX))[:, :1]

    def _migrate(self, level_BSNG: Tensor, stacks_BCZX: Tensor, y_B1ZX: Tensor) -> Tensor:
        """Image and correction, `[B, 2, Z, X]`, from what is seen with one estimate."""
        lowest, highest = self.limits
        velocity_B1ZX = lowest + (highest - lowest) * torch.sigmoid(y_B1ZX)
        with torch.autocast(level_BSNG.device.type, enabled=False):  # travel times need all their digits
            migrated_BCZX = self.migration(level_BSNG.float(), velocity_B1ZX)
        estimate_B1ZX = functional.avg_pool2d(_normalised(y_B1ZX), STRIDE, ceil_mode=True)
        both_B2ZX: Tensor = self.image(torch.cat([stacks_BCZX, migrated_BCZX, estimate_B1ZX], dim=1))
        return both_B2ZX.float()


def _normalised(y: Tensor) -> Tensor:
    return 2 * torch.sigmoid(y) - 1


def _before_sigmoid(normalised: Tensor) -> Tensor:
    return torch.logit((1 + normalised) / 2, eps=NEAREST)
