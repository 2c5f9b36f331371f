"""Loads pretrained weights into networks to be trained on labels, and records what was loaded.

discriminator | masked encoder ─► network.encoder_init: gan | autoencoder ─► encoder of UNet, ResUNet34, NasUnet
generator     | masked decoder ─► network.decoder_init: gan | autoencoder ─► decoder
discriminator ───────────────────► loss.perceptual_features: gan      (discriminator_features.py)
"""

import json
from dataclasses import asdict, replace

from torch import nn

from datagen.errors import InputError
from search_spaces.config import PRETRAINED
from search_spaces.networks.migrating import MigratingNetwork
from trials.running.run_folder import RunFolder
from trials.settings.config import Config
from trials.training.transferring.pretrained import Part, initialise
from trials.training.transferring.pretrained_files import pretrain_folder

REPORT = "transfer.json"


def resolved(config: Config) -> Config:
    """`config` with the words gan and autoencoder replaced by the files of `seisnas pretrain`.

    Raises InputError, which says how to make a missing file.
    """
    network, loss = config.network, config.loss
    if network.encoder_init in PRETRAINED:
        network = replace(network, encoder_init=_file(config, network.encoder_init, "encoder", "network.encoder_init"))
    if network.decoder_init in PRETRAINED:
        network = replace(network, decoder_init=_file(config, network.decoder_init, "decoder", "network.decoder_init"))
    if loss.perceptual > 0 and loss.perceptual_features == "gan" and loss.perceptual_weights is None:
        file = _file(config, "gan", "encoder", "loss.perceptual_features")
        loss = replace(loss, perceptual_weights=file)
    return replace(config, network=network, loss=loss)


def _file(config: Config, kind: str, part: Part, setting: str) -> str:
    file = pretrain_folder(config, kind) / f"{part}.safetensors"
    if not file.is_file():
        raise InputError(
            f"{setting}: got {kind}, but there is no {file}; `seisnas pretrain --set pretrain.kind={kind}` with the "
            "same preset makes it; or give such a file from elsewhere"
        )
    return str(file.resolve())


def start_parts(network: nn.Module, config: Config, run: RunFolder) -> None:
    """Loads encoder and decoder of a fresh network; transfer.json in the run folder records what was loaded.

    Behind a migration these are those of the velocity cells, which see the shots first.
    Raises InputError as `trials.training.transferring.pretrained.initialise`.
    """
    learner = network.velocity if isinstance(network, MigratingNetwork) else network
    wanted: dict[Part, str] = {"encoder": config.network.encoder_init, "decoder": config.network.decoder_init}
    arrived = {
        part: {"from": init, **asdict(initialise(learner, init, part))}
        for part, init in wanted.items()
        if init != "scratch"
    }
    if arrived:
        (run.path / REPORT).write_text(json.dumps(arrived, indent=2), encoding="utf-8")
