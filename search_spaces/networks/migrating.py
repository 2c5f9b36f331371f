"""A network that estimates the velocity and migrates with it: shots in, velocity and image out, trained end to end.

    shots ─► level ─► stacks at constant velocities ─► velocity cells ─► v = v_min + (v_max − v_min) σ(·)
               │                   │                                     │
               └───────────────────┼──► migration in v, shot by shot ◄───┘
                                   ▼              │                      │
                         concatenated features ◄──┴──────────────────────┘ ─► image cells ─► image

All cells work on the grid of the stacks, half as fine as the image; the two heads make 2×2 cells of each.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from search_spaces.fronts.migration import Migration
from search_spaces.fronts.stack import STRIDE
from search_spaces.fronts.survey_front import SurveyFront
from search_spaces.networks.contract import Features, ImagingNetwork


class Given(Features):
    """The front of cells whose features come from elsewhere, on a grid half as fine as the image of `size`."""

    def __init__(self, channels: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.channels, self.finer = channels, size

    def forward(self, features_BCZX: Tensor) -> Tensor:
        return features_BCZX.contiguous(memory_format=torch.channels_last)


class MigratingNetwork(nn.Module):
    """Shots `[B, S, T, R]` → velocity and image, both normalised, `[B, 2, Z, X]`.

    `velocity` maps the constant stacks of `front` to an image before its sigmoid, `image` those, the migrated shots and
    the estimate (see `channels`) to the RTM image.  `limits` are those of the velocity [cells per sample].
    """

    def __init__(
        self,
        front: SurveyFront,
        velocity: ImagingNetwork,
        migration: Migration,
        image: ImagingNetwork,
        limits: tuple[float, float],
    ) -> None:
        super().__init__()
        self.front, self.velocity, self.migration, self.image = front, velocity, migration, image
        self.lowest, self.highest = limits

    @staticmethod
    def channels(front: SurveyFront, migration: Migration) -> int:
        """Of what the image cells see."""
        return front.channels + migration.channels + 1

    def forward(self, shots_BSTR: Tensor) -> Tensor:
        level_BSNG = self.front.level(shots_BSTR)
        return self.from_features(level_BSNG, self.front.arrange(level_BSNG))

    def from_features(self, level_BSNG: Tensor, stacks_BCZX: Tensor) -> Tensor:
        """The same from what depends on the shots alone, which a training may keep."""
        share_B1ZX = torch.sigmoid(self.velocity(stacks_BCZX).float())
        velocity_B1ZX = self.lowest + (self.highest - self.lowest) * share_B1ZX
        with torch.autocast(level_BSNG.device.type, enabled=False):  # travel times need all their digits
            migrated_BCZX = self.migration(level_BSNG.float(), velocity_B1ZX)
        normalised_B1ZX = 2 * share_B1ZX - 1
        seen_BCZX = torch.cat([stacks_BCZX, migrated_BCZX, functional.avg_pool2d(normalised_B1ZX, STRIDE)], dim=1)
        return torch.cat([normalised_B1ZX, self.image(seen_BCZX).float()], dim=1)
