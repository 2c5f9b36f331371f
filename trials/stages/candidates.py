"""Cells that a search tries: each has a training of its own in the search's run folder, which can pause and go on."""

from dataclasses import dataclass, replace

import torch

from search_spaces.build import build
from search_spaces.genotype import Genotype
from trials.running.channel import Channel
from trials.running.run_folder import RunFolder
from trials.settings.config import Config
from trials.training.fit import Phase, fit
from trials.training.networks import geometry, with_genotype
from trials.training.tasks import make_task


@dataclass(frozen=True)
class Candidate:
    """Cells, and their training."""

    genotype: Genotype
    phase: Phase


def score_after(epochs: int, candidate: Candidate, config: Config, run: RunFolder) -> float:
    """On the validation split.  What it has scored already is in the run's metrics and is not trained again."""
    if len(found := _scores(candidate, config, run)) < epochs:
        own = with_genotype(config, candidate.genotype)
        torch.manual_seed(config.seed)
        network = build(own.network, *geometry(own))
        fit(network, own, run, Channel(), replace(candidate.phase, until=epochs))
        found = _scores(candidate, config, run)
    return found[epochs - 1]


def _scores(candidate: Candidate, config: Config, run: RunFolder) -> list[float]:
    """Epoch by epoch."""
    score = f"val_{make_task(config).quality}"
    return [row[score] for row in run.metrics if row["phase"] == candidate.phase.name]
