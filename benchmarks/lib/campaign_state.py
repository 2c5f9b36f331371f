"""A training on disk, so that one that was cut can continue: a safetensors file with counters as JSON in its header.

weights.*   average.*   optimizer.PARAMETER.*       header: {"counters": "{steps, samples, seconds, curve …}"}
"""

import json
import os
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn


def save_state(
    file: Path, network: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer, counters: Mapping[str, Any]
) -> None:
    """Replaces `file` in one step."""
    tensors = {f"weights.{name}": value for name, value in network.state_dict().items()}
    tensors |= {f"average.{name}": value for name, value in average.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in state.items()}
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_suffix(".tmp")
    save_file(
        {name: value.contiguous() for name, value in tensors.items()}, temporary, {"counters": json.dumps(counters)}
    )
    os.replace(temporary, file)


def load_state(file: Path, network: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Fills network, average and optimizer; returns the counters, none where there is no file."""
    if not file.exists():
        return {}
    parts: dict[str, dict[str, Tensor]] = defaultdict(dict)
    with safe_open(file, framework="pt") as store:
        for key in store.keys():  # noqa: SIM118  it is no mapping
            part, _, name = key.partition(".")
            parts[part][name] = store.get_tensor(key)
        counters: dict[str, Any] = json.loads(store.metadata()["counters"])
    network.load_state_dict(parts["weights"])
    average.load_state_dict(parts["average"])
    state: dict[int, dict[str, Tensor]] = defaultdict(dict)
    for key, value in parts["optimizer"].items():
        index, _, name = key.partition(".")
        state[int(index)][name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return counters


def save_weights(file: Path, network: nn.Module) -> None:
    """The weights alone, to be handed out."""
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: value.contiguous() for name, value in network.state_dict().items()}, file)
