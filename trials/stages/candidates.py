"""Cells that a search tries: each has a training of its own in the search's run folder, which can pause and go on."""

from dataclasses import dataclass, replace
from typing import Any

import torch

from search_spaces.build import build
from search_spaces.genotype import Genotype
from trials.running.channel import Channel
from trials.running.run_folder import RunFolder
from trials.settings.config import Config
from trials.training.fit import Phase, fit
from trials.training.networks import geometry, with_genotype


@dataclass(frozen=True)
class Candidate:
    """Cells, and their training."""

    genotype: Genotype
    phase: Phase


def trained_until(epochs: int, candidate: Candidate, config: Config, run: RunFolder) -> dict[str, Any]:
    """The metrics of that epoch.  What is in the run's metrics already is not trained again."""
    if len(found := _epochs(candidate, run)) < epochs:
        own = with_genotype(config, candidate.genotype)
        torch.manual_seed(config.seed)
        network = build(own.network, *geometry(own))
        fit(network, own, run, Channel(), replace(candidate.phase, until=epochs))
        found = _epochs(candidate, run)
    return found[epochs - 1]


def _epochs(candidate: Candidate, run: RunFolder) -> list[dict[str, Any]]:
    return [row for row in run.metrics if row["phase"] == candidate.phase.name]
