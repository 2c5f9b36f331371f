"""Compress: LevelPruner on a tuned network, in one shot or gradually, with fine-tuning after each step.

The trial's score trades quality against size: SSIM − size_weight · (non-zero parameters / parameters).
"""

from typing import Any

from compressors.level import KeepZeros, prune, sparsities
from trials.channel import Channel
from trials.config import Config
from trials.fit import fit
from trials.networks import trained
from trials.run_folder import RunFolder
from trials.scoring import measures


def compress(config: Config, run: RunFolder, channel: Channel, source: RunFolder) -> dict[str, Any]:
    """Prunes the network that the run `source` left, fine-tunes what remains and scores it."""
    network = trained(source)
    if config.network.genotype is not None:
        run.save_genotype(config.network.genotype)
    scores: dict[str, float] = {}
    for step, sparsity in enumerate(sparsities(config.compress), start=1):
        masks = prune(network, sparsity)
        scores = fit(
            network,
            config,
            run,
            channel,
            phase=f"compress-{step}",
            epochs=config.compress.epochs,
            learning_rate=config.compress.learning_rate,
            callbacks=(KeepZeros(network, masks),),
        )
    run.save_weights(network.state_dict())
    measured = measures(network, config, scores)
    size = measured["nonzero"] / measured["parameters"]
    return {
        "default": scores[config.quality] - config.compress.size_weight * size,
        **measured,
        "sparsity": config.compress.sparsity,
        **({"genotype": config.network.genotype} if config.network.genotype else {}),
    }
