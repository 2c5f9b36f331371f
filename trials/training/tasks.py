"""The tasks of networks: their data, loss, scores and output.

    target        sees → gives                                 learns by                ranked by
    rtm           shots [S, T, R] → RTM image [1, Z, X]        the terms of `loss`      ssim
    velocity      shots [S, T, R] → velocity model [1, Z, X]   the terms of `loss`      ssim
    both          shots [S, T, R] → velocity, image [2, Z, X]  migrating/                ssim of the image
    first_break   gather [1, T, R] → logits [1, N, R]          cross-entropy of rows    hit_5

`make_task` turns a target into a task; everything in training that depends on the target is in the task.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from compressors.outputs import OUTPUTS, Output
from datagen.dataset import ShardDataset, loader
from datagen.errors import InputError
from datagen.shards.manifest import Statistics
from search_spaces.networks.migrating import MigratingNetwork
from search_spaces.picks import find_picks
from trials.settings.config import Config
from trials.training.losses import loss_terms
from trials.training.metrics import blank_ssim, scores
from trials.training.migrating.given_velocities import draw_given
from trials.training.migrating.velocity_and_image import VELOCITY, scores_of_both, terms_of_both
from trials.training.networks import bundle_statistics, statistics
from trials.training.picking.gather_set import GatherSet, gather_set
from trials.training.picking.pick_scores import pick_scores
from trials.training.picking.picking import pick_loss
from trials.training.teacher import Teacher

Batch = tuple[Tensor, Tensor]
Samples = ShardDataset | GatherSet

NOT_NEEDED = Statistics(shot_scale=1.0, image_scale=0.0, velocity_min=0.0, velocity_max=0.0)  # by pickers


class Task(Protocol):
    """The task of one configuration."""

    @property
    def quality(self) -> str:
        """Name of the score, higher is better, that ranks networks and trials."""

    @property
    def output(self) -> Output:
        """The output of the network's bundle, and its pictures."""

    @property
    def reads_data_set(self) -> bool:
        """Whether samples come from the shards of `data.folder`."""

    @property
    def has_test_samples(self) -> bool:
        """Whether there are samples that no training has seen."""

    def training_set(self) -> Samples:
        """The training samples, varied and disturbed as configured."""

    def scoring_set(self, split: str) -> Samples:
        """The samples to score on, as stored."""

    def statistics(self) -> Statistics:
        """Of the training samples, as a bundle needs them."""

    def seen(self, network: nn.Module, batch: Batch) -> tuple[Any, ...]:
        """What `network` is called with in training."""

    def terms(self, prediction: Tensor, batch: Batch, teacher: Teacher | None = None) -> dict[str, Tensor]:
        """Terms of the loss; `loss` is minimised."""

    def scores(self, prediction: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Mean scores of a batch, `quality` among them."""

    def evaluate(self, network: nn.Module, split: str) -> dict[str, float]:
        """Scores of `network` over a whole split."""


@dataclass(frozen=True)
class ImagingTask:
    """Shots `[B, S, T, R]` → normalised image `[B, 1, Z, X]`, of the RTM or of the velocity, or both `[B, 2, Z, X]`."""

    config: Config
    quality: str = "ssim"
    reads_data_set: bool = True
    has_test_samples: bool = True

    @property
    def output(self) -> Output:
        return OUTPUTS[self.config.target]

    def training_set(self) -> ShardDataset:
        config = self.config
        return ShardDataset(
            config.data.folder,
            "train",
            config.target,
            mirror=config.training.mirror,
            effects=config.effects,
            seed=config.seed,
            statistics=bundle_statistics(config),
        )

    def scoring_set(self, split: str) -> ShardDataset:
        config = self.config
        return ShardDataset(config.data.folder, split, config.target, statistics=bundle_statistics(config))

    def statistics(self) -> Statistics:
        return statistics(self.config)

    def seen(self, network: nn.Module, batch: Batch) -> tuple[Any, ...]:
        shots_BSTR, target_BCZX = batch
        given = self.config.training.given
        if given.share == 0:
            return (shots_BSTR,)
        assert isinstance(network, MigratingNetwork), "Config refuses any other"
        return shots_BSTR, draw_given(given, target_BCZX[:, VELOCITY], network.limits)

    def terms(self, prediction: Tensor, batch: Batch, teacher: Teacher | None = None) -> dict[str, Tensor]:
        shots_BSTR, target_BCZX = batch
        teacher_BCZX = None if teacher is None else teacher(shots_BSTR)
        if self.config.target == "both":
            return terms_of_both(self.config, prediction, target_BCZX, teacher_BCZX)
        return loss_terms(self.config.loss, prediction, target_BCZX, teacher_BCZX)

    def scores(self, prediction: Tensor, batch: Batch) -> dict[str, Tensor]:
        return {name: value_B.mean() for name, value_B in self._each_score(prediction, batch[1]).items()}

    def _each_score(self, prediction: Tensor, target_BCZX: Tensor) -> dict[str, Tensor]:
        if self.config.target == "both":
            return scores_of_both(prediction, target_BCZX)
        return scores(prediction, target_BCZX)

    @torch.no_grad()
    def evaluate(self, network: nn.Module, split: str) -> dict[str, float]:
        """As `scores`, and blank_ssim, that of an image of zeros; each the mean over the images."""
        device = next(network.parameters()).device
        network.eval()
        rows = []
        for shots_BSTR, target_BCZX in loader(self.scoring_set(split), batch_size=32):
            target_BCZX = target_BCZX.to(device)
            found = self._each_score(network(shots_BSTR.to(device)), target_BCZX)
            rows.append(found | blank_ssim(self._each_score, target_BCZX))
        return {name: float(torch.cat([row[name] for row in rows]).mean()) for name in rows[0]}


@dataclass(frozen=True)
class PickingTask:
    """Gather `[B, 1, T, R]` → logits `[B, 1, N, R]` of the row where each trace breaks; labels [B, R] in samples."""

    config: Config
    quality: str = "hit_5"

    @property
    def output(self) -> Output:
        return OUTPUTS[self.config.target]

    @property
    def reads_data_set(self) -> bool:
        return self.config.picking.labelled is None

    @property
    def has_test_samples(self) -> bool:
        return self.reads_data_set or bool(self.config.picking.held_out)

    def training_set(self) -> GatherSet:
        return gather_set(self.config, "train", varied=True)

    def scoring_set(self, split: str) -> GatherSet:
        return gather_set(self.config, split)

    def statistics(self) -> Statistics:
        return NOT_NEEDED

    def seen(self, network: nn.Module, batch: Batch) -> tuple[Any, ...]:
        return batch[:1]

    def terms(self, prediction: Tensor, batch: Batch, teacher: Teacher | None = None) -> dict[str, Tensor]:
        gather_B1TR, labels_BR = batch
        width = self.config.picking.width / self.config.data.survey.interval
        return {"loss": pick_loss(prediction, labels_BR, gather_B1TR.shape[2], width)}

    def scores(self, prediction: Tensor, batch: Batch) -> dict[str, Tensor]:
        gather_B1TR, labels_BR = batch
        picks_BR = find_picks(prediction, gather_B1TR.shape[2])[:, 0]
        found = pick_scores(picks_BR, labels_BR, self.config.data.survey.interval)
        return {name: value[0] for name, value in found.items()}

    @torch.no_grad()
    def evaluate(self, network: nn.Module, split: str) -> dict[str, float]:
        """mae_ms, median_ms, hit_k; of all labelled traces together."""
        device = next(network.parameters()).device
        network.eval()
        gathers, picks, labels = self.scoring_set(split), [], []
        for gather_B1TR, labels_BR in loader(gathers, batch_size=32):
            picks.append(find_picks(network(gather_B1TR.to(device)), gather_B1TR.shape[2])[:, 0].cpu())
            labels.append(labels_BR)
        found = pick_scores(torch.cat(picks), torch.cat(labels), gathers.interval)
        return {name: float(value) for name, value in found.items()}


def make_task(config: Config) -> Task:
    """The task that `target` names."""
    match config.target:
        case "rtm" | "velocity" | "both":
            return ImagingTask(config)
        case "first_break":
            return PickingTask(config)


def images_only(config: Config, command: str) -> None:
    """Raises InputError for pickers, which some commands do not support yet."""
    if not make_task(config).output.pictures:
        raise InputError(
            f"target: got {config.target}, {command} is for images (rtm, velocity, both); pickers have search, tune, "
            "compress, export and pick, see docs/picking.md"
        )
