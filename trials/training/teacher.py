"""Distillation: a small network also learns from a big network's image of the same shots.

    loss += loss.distil · mean (p − teacher(shots))²          (Hinton et al. 2015, for images)

The teacher runs inside the training step, so it sees the shots as the network sees them, mirrored or not.
"""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from datagen.errors import InputError
from trials.running.run_folder import RunFolder
from trials.settings.config import Config
from trials.training.networks import trained

Teacher = Callable[[Tensor], Tensor]
"""Shots `[B, S, T, R]` → image `[B, 1, Z, X]`, without gradients."""


def load_teacher(config: Config) -> Teacher | None:
    """The network of the run folder `training.teacher`, frozen; None when there is none.

    It is kept in a closure, where Lightning does not find it: it belongs to no checkpoint and no average.
    Raises InputError when that run did not finish, or had other data or another target.
    """
    if config.training.teacher is None:
        return None
    run = RunFolder(config.training.teacher)
    network = trained(run).requires_grad_(False)
    theirs = run.config
    if theirs.target != config.target:
        raise InputError(
            f"training.teacher {run.path}: its target is {theirs.target}, that of this run is {config.target}"
        )
    if replace(theirs.data, folder=config.data.folder) != config.data:
        raise InputError(f"training.teacher {run.path}: it was trained on other data; give a run with the same `data:`")

    @torch.no_grad()
    def teacher(shots_BSTR: Tensor) -> Tensor:
        image_B1ZX: Tensor = network.to(shots_BSTR.device)(shots_BSTR)
        return image_B1ZX

    return teacher
