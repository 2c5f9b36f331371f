"""Trains the network of a configuration, for search and tune."""

from typing import Any

import torch

from search_spaces.build import build
from trials.running.channel import Channel
from trials.running.run_folder import RunFolder
from trials.settings.config import Config
from trials.training.fit import fit
from trials.training.networks import geometry
from trials.training.picking.picking import start_from
from trials.training.scoring import measures
from trials.training.transferring.transfer import start_parts


def train(
    config: Config,
    run: RunFolder,
    channel: Channel,
    *,
    phase: str,
    epochs: int,
    learning_rate: float,
    minutes: float = 0.0,
) -> dict[str, Any]:
    """Trains the network of the configuration and saves its weights in the run folder.

    Returns its validation scores, sizes and latency.  Lasts `epochs`, or `minutes` if they are above 0.
    """
    torch.manual_seed(config.seed)  # also after a search, which may have run before a restart
    network = build(config.network, *geometry(config))
    start_parts(network, config, run)
    if config.picking.start is not None:
        start_from(network, config.picking.start)
    scores = fit(
        network, config, run, channel, phase=phase, epochs=epochs, learning_rate=learning_rate, minutes=minutes
    )
    run.save_weights(network.state_dict())
    return measures(network, config, scores)
