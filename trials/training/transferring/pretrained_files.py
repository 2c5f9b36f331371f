"""The files of a pretraining: weights, with the facts needed to use them.

    encoder.safetensors, decoder.safetensors    names as in the network's own encoder and decoder
    generator.safetensors                       of a GAN: the moving average, complete

The header of each holds `pretrain`, JSON: kind, network, size of a sample, its limit, source, scaling, interval.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from datagen.errors import InputError
from datagen.files.reading import parse_json
from datagen.files.regular_files import regular_file
from datagen.files.whole_files import whole
from search_spaces.build import network_behind
from search_spaces.config import Network
from search_spaces.networks.contract import ImagingNetwork, SingleChannel
from search_spaces.weights_file import load_into, read_tensors
from trials.settings.config import Config
from trials.training.transferring.gan import Generator

MAKE = "seisnas pretrain"


def pretrain_folder(config: Config, kind: str) -> Path:
    """The folder of `seisnas pretrain`, where the other stages of the same name find its files."""
    return Path("runs") / config.name / "pretrain" / kind


def save_part(file: Path, state: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    tensors = {name: value.detach().cpu().contiguous() for name, value in state.items()}
    with whole(file) as part:
        save_file(tensors, part, metadata={"pretrain": json.dumps(facts)})


def read_part(file: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Weights and facts.  Raises InputError for a file not made by `seisnas pretrain`."""
    if not Path(file).exists():
        raise InputError(f"{file}: no such file; `{MAKE}` makes it")
    regular_file(file)
    try:
        with safe_open(file, framework="pt") as store:
            facts = parse_json((store.metadata() or {})["pretrain"], str(file))
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise InputError(f"{file}: not made by `{MAKE}` ({error})") from None
    return read_tensors(Path(file)), facts


def fresh_network(file: str | Path, facts: Mapping[str, Any]) -> ImagingNetwork:
    """The network, with fresh weights, of which the file holds a part."""
    try:
        network = TypeAdapter(Network).validate_python(facts["network"])
    except (KeyError, ValidationError) as error:
        raise InputError(f"{file}: does not describe its network: {error}; make it again with `{MAKE}`") from None
    return network_behind(SingleChannel(), network)


def load_generator(file: str | Path) -> tuple[Generator, dict[str, Any]]:
    """The generator of a GAN, ready to draw from, and the facts about it.

    Raises InputError for a file that is not a generator's.
    """
    weights, facts = read_part(file)
    if facts.get("part") != "generator":
        raise InputError(f"{file}: holds {facts.get('part')}; give the generator.safetensors of `{MAKE}`, kind gan")
    generator = Generator(fresh_network(file, facts), tuple(facts["size"]), facts["latent"], facts["limit"])
    load_into(generator, weights, Path(file), "the network that it describes")
    return generator.requires_grad_(False).eval(), facts
