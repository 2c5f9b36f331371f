"""Tune: one network trained in full with one setting of loss weights and learning rate."""

from typing import Any

from search_spaces.build import build
from search_spaces.pretrained import initialise
from trials.channel import Channel
from trials.config import Config
from trials.fit import fit
from trials.networks import geometry
from trials.run_folder import RunFolder
from trials.scoring import measures


def tune(config: Config, run: RunFolder, channel: Channel, source: RunFolder | None = None) -> dict[str, Any]:
    """Trains the network of the configuration; the trial's score is its validation SSIM."""
    if config.network.genotype is not None:
        run.save_genotype(config.network.genotype)
    network = build(config.network, *geometry(config))
    initialise(network, config.network.encoder_init)
    scores = fit(
        network,
        config,
        run,
        channel,
        phase="tune",
        epochs=config.tune.epochs,
        learning_rate=config.tune.learning_rate,
    )
    run.save_weights(network.state_dict())
    return {
        "default": scores["ssim"],
        **measures(network, config, scores),
        **({"genotype": config.network.genotype} if config.network.genotype else {}),
    }
