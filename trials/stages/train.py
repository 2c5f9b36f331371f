"""Trains the network of a configuration, for search and tune."""

from typing import Any

import torch

from search_spaces.build import build
from trials.running.channel import Channel
from trials.running.run_folder import RunFolder
from trials.settings.config import Config
from trials.training.fit import Phase, fit
from trials.training.networks import geometry, start_from_bundle
from trials.training.picking.picking import start_from
from trials.training.scoring import measures
from trials.training.transferring.transfer import start_parts


def train(config: Config, run: RunFolder, channel: Channel, phase: Phase) -> dict[str, Any]:
    """Trains the network of the configuration, saves its weights, and returns its validation scores, sizes, latency."""
    torch.manual_seed(config.seed)  # also after a search, which may have run before a restart
    network = build(config.network, *geometry(config))
    start_parts(network, config, run)
    if config.training.start is not None:
        start_from_bundle(network, config.training.start)
    if config.picking.start is not None:
        start_from(network, config.picking.start)
    scores = fit(network, config, run, channel, phase)
    run.save_weights(network.state_dict())
    return measures(network, scores)
