"""Where pretrained weights go."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter
from safetensors.torch import save_file

from datagen.config import Data
from search_spaces.build import build, network_behind
from search_spaces.config import Migrate, Network
from search_spaces.networks.contract import SingleChannel
from search_spaces.networks.migrating import MigratingNetwork
from search_spaces.shape import Shape
from trials.running.run_folder import RunFolder
from trials.settings.config import Config
from trials.training.transferring.transfer import start_parts


def test_behind_a_migration_the_velocity_cells_start_from_pretrained_weights(
    tiny_data: dict[str, Any], tmp_path: Path
) -> None:
    spec = Network(model="unet", depth=2, width=4, front=Migrate())
    decoder = network_behind(SingleChannel(), spec).decoder
    save_file(dict(decoder.state_dict()), tmp_path / "decoder.safetensors", {"model": "unet", "part": "decoder"})
    data = TypeAdapter(Data).validate_python(tiny_data)
    spec = replace(spec, decoder_init=str(tmp_path / "decoder.safetensors"))
    config = Config(name="tiny", target="both", data=data, network=spec)
    network = build(spec, Shape.of(data), 1.0)
    assert isinstance(network, MigratingNetwork)
    start_parts(network, config, RunFolder(tmp_path))
    torch.testing.assert_close(network.velocity.decoder.state_dict(), decoder.state_dict())
