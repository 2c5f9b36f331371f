from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from datagen.errors import InputError
from search_spaces.weights_file import load_into, read_tensors
from trials.training.transferring.pretrained import read_weights

NAN = float("nan")


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    layer = nn.Linear(2, 3)
    save_file(layer.state_dict(), tmp_path / "w.safetensors")
    other = nn.Linear(2, 3)
    load_into(other, read_tensors(tmp_path / "w.safetensors"), tmp_path / "w.safetensors", "config.yml")
    assert torch.equal(layer.weight, other.weight)


def test_weights_that_are_not_finite_are_refused() -> None:
    weights = {"weight": torch.tensor([[1.0, NAN]]), "bias": torch.tensor([1.0])}
    with pytest.raises(InputError, match=r"w\.safetensors: 1 tensor\(s\) hold values that are not finite.*'weight'"):
        load_into(nn.Linear(2, 1), weights, Path("w.safetensors"), "config.yml")


def test_a_message_names_the_first_problems_and_their_number() -> None:
    deep = nn.Sequential(*(nn.Linear(2, 2) for _ in range(500)))
    with pytest.raises(InputError, match=r"1000 weight\(s\) do not fit config.yml") as refusal:
        load_into(deep, {}, Path("w.safetensors"), "config.yml")
    assert len(str(refusal.value)) < 300


@pytest.mark.parametrize("ending", ["safetensors", "pth"])
def test_weights_to_start_from_are_finite(tmp_path: Path, ending: str) -> None:
    file, weights = tmp_path / f"w.{ending}", {"weight": torch.tensor([NAN])}
    if ending == "pth":
        torch.save(weights, file)
    else:
        save_file(weights, file)
    with pytest.raises(InputError, match="not finite"):
        read_weights(file)
