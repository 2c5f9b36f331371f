"""Cells that a search tries: each has a training of its own in the search's run folder, which can pause and go on."""

from dataclasses import dataclass, replace
from typing import Any

import torch

from search_spaces.build import build, cell_fronts
from search_spaces.genotype import Genotype
from search_spaces.size import drawn
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


def random_candidates(config: Config) -> list[Candidate]:
    """`search.candidates` random cells."""
    fronts = cell_fronts(config.network, *geometry(config))
    return [
        candidate(drawn(config.network, (config.seed, number), fronts), number, config)
        for number in range(1, config.search.candidates + 1)
    ]


def candidate(genotype: Genotype, number: int, config: Config) -> Candidate:
    """Cells whose training, in full, is that of a search's result."""
    epochs, rate = config.search.retrain_epochs, config.tune.learning_rate
    return Candidate(genotype, Phase(name=f"candidate-{number}", epochs=epochs, learning_rate=rate))


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
