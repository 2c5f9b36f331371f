"""From a configuration to a network on its data: shapes, statistics, weights."""

from dataclasses import replace
from pathlib import Path

from torch import nn

from compressors.bundles.bundle import load_bundle
from compressors.bundles.contents import read_contents
from datagen.shards.manifest import Statistics, load_manifest
from search_spaces.build import build
from search_spaces.config import Gather
from search_spaces.genotype import Genotype
from search_spaces.shape import Shape
from search_spaces.weights_file import load_into
from trials.running.run_folder import RunFolder
from trials.settings.config import Config


def statistics(config: Config) -> Statistics:
    """Of the training split, or of the bundle that the training starts from.  Raises InputError: there is no such."""
    return bundle_statistics(config) or load_manifest(config.data.folder).statistics


def bundle_statistics(config: Config) -> Statistics | None:
    """Of the bundle that the training starts from; None: from none, and those of the data set count."""
    return read_contents(config.training.start).statistics if config.training.start is not None else None


def shot_scale(config: Config) -> float:
    """90th percentile of the amplitude of the training shots; unused by a network that sees single gathers."""
    return 1.0 if isinstance(config.network.front, Gather) else statistics(config).shot_scale


def geometry(config: Config) -> tuple[Shape, float]:
    """The two facts about the data that a network is built with: its shapes and the scale of its shots."""
    return Shape.of(config.data, config.network.gather_rows), shot_scale(config)


def start_from_bundle(network: nn.Module, bundle: str) -> None:
    """Gives a fresh network the weights of a bundle.  Raises InputError: it has another network, or is damaged."""
    load_into(network, load_bundle(bundle).network.state_dict(), Path(bundle), "the network of training.start")


def with_genotype(config: Config, genotype: Genotype) -> Config:
    return replace(config, network=replace(config.network, model="nasunet", genotype=genotype))


def trained(run: RunFolder) -> nn.Module:
    """The network of a finished run.  Raises InputError: the run did not finish, or its weights do not fit."""
    run.require_finished()
    config = run.config
    network = build(config.network, *geometry(config))
    load_into(network, run.load_weights(), run.path / "weights.safetensors", "config.yml")
    return network.eval()
