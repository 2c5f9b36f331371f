"""Tune: one network trained in full with one setting of loss weights and learning rate."""

from typing import Any

from trials.running.channel import Channel
from trials.running.run_folder import RunFolder
from trials.settings.config import Config
from trials.stages.train import train
from trials.training.fit import Phase
from trials.training.tasks import make_task


def tune(config: Config, run: RunFolder, channel: Channel) -> dict[str, Any]:
    """Trains the network of the configuration; the trial's score is its validation SSIM, or hits of first breaks."""
    if config.network.genotype is not None:
        run.save_genotype(config.network.genotype.to_json())
    settings = config.tune
    phase = Phase(name="tune", epochs=settings.epochs, learning_rate=settings.learning_rate, minutes=settings.minutes)
    measured = train(config, run, channel, phase)
    return {
        "default": measured[make_task(config).quality],
        **measured,
        **({"genotype": config.network.genotype.to_json()} if config.network.genotype else {}),
    }
