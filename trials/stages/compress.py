"""Compress: shrinks a tuned network in one shot or gradually, with fine-tuning after each step.

    dense network ─► level: zeros, held    ─► fine-tune ─► … ─► small network
         │         └► channel: narrower ──┘       ▲
         └───────── its image (distil) ───────────┘

The score is that of compressors/config.py.
"""

from dataclasses import replace
from typing import Any

from pytorch_lightning.callbacks import Callback

from compressors.level import KeepZeros, prune, sparsities
from compressors.structured import layer_widths, shrink
from search_spaces.build import count_parameters
from search_spaces.narrow import layer_channels
from search_spaces.shape import Shape
from trials.running.channel import Channel
from trials.running.run_folder import RunFolder
from trials.settings.config import Config
from trials.training.fit import Phase, evaluate, fit
from trials.training.networks import trained
from trials.training.scoring import measures
from trials.training.tasks import make_task


def compress(config: Config, run: RunFolder, channel: Channel, source: RunFolder) -> dict[str, Any]:
    """Prunes the network of the run `source`, fine-tunes what remains and scores it.

    `config` is that of `fine_tuning`.
    """
    network = trained(source)
    quality, parameters = make_task(config).quality, count_parameters(network)
    dense = evaluate(network, config, "validation")[quality]
    if config.network.genotype is not None:
        run.save_genotype(config.network.genotype.to_json())
    scores: dict[str, float] = {}
    widths = layer_widths(network)
    for step, sparsity in enumerate(sparsities(config.compress), start=1):
        callbacks: tuple[Callback, ...] = ()
        if config.compress.pruner == "level":
            callbacks = (KeepZeros(network, prune(network, sparsity, config.compress.scope)),)
        else:
            shrink(network, Shape.of(config.data, config.network.gather_rows), sparsity, widths)
        phase = Phase(
            name=f"compress-{step}", epochs=config.compress.epochs, learning_rate=config.compress.learning_rate
        )
        scores = fit(network, config, run, channel, phase, callbacks)
    if config.compress.pruner == "channel":
        config = replace(config, network=replace(config.network, channels=layer_channels(network)))
    run.save_config(config)
    run.save_weights(network.state_dict())
    measured = measures(network, scores)
    return {
        "default": scores[quality] - config.compress.size_weight * measured["nonzero"] / parameters,
        **measured,
        "sparsity": config.compress.sparsity,
        f"dense_{quality}": dense,
        "dense_parameters": parameters,
        **({"genotype": config.network.genotype.to_json()} if config.network.genotype else {}),
    }


def fine_tuning(config: Config, source: RunFolder) -> Config:
    """With the network of the source and, on request, the dense network as teacher."""
    config = replace(config, network=source.config.network)
    if config.compress.distil == 0:
        return config
    loss = replace(config.loss, distil=config.compress.distil)
    return replace(config, loss=loss, training=replace(config.training, teacher=str(source.path)))
