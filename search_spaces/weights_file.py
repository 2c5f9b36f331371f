"""Untrusted weights: tensors in the safetensors format, all values finite.

file ─► limited size ─► name → tensor ─► no NaN, no Inf ─► names, shapes and types of the network?
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from datagen.errors import InputError
from datagen.files.regular_files import regular_file

MOST_BYTES = 768 << 20  # of a file; VGG19 has 548 MB
MOST_HEADER = 1 << 20  # of its list of tensors; a DenseNet's has 100 kB
FEW = 5  # problems in a message


def read_tensors(file: Path) -> dict[str, Tensor]:
    """Name → tensor.

    Raises InputError: as `regular_file`, too long, or not in the safetensors format.
    """
    length = regular_file(file)
    if length > MOST_BYTES:
        raise InputError(f"{file}: {length} bytes; a file of weights may have at most {MOST_BYTES}")
    try:
        with file.open("rb") as stream:
            header = int.from_bytes(stream.read(8), "little")
        if header > MOST_HEADER:
            raise ValueError(f"its header would have {header} bytes; at most {MOST_HEADER} are allowed")
        return load_file(file)
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(f"{file}: not a safetensors file: {error}") from None


def require_finite(tensors: Mapping[str, Tensor], file: Path) -> None:
    """Raises InputError: a tensor holds NaN or Inf."""
    wrong = [name for name, tensor in tensors.items() if not torch.isfinite(tensor).all()]
    if wrong:
        names = ", ".join(repr(name[:80]) for name in wrong[:FEW])
        raise InputError(
            f"{file}: {len(wrong)} tensor(s) hold values that are not finite (NaN or Inf): {names}; "
            "use the file of a training that did not diverge"
        )


def load_into(network: nn.Module, tensors: Mapping[str, Tensor], file: Path, of: str) -> None:
    """Loads the weights of `network`.  Raises InputError: they do not fit what `of` describes, or hold NaN or Inf."""
    expected = network.state_dict()
    wrong = [f"{key} is missing" for key in expected if key not in tensors]
    wrong += [f"{key[:80]!r} is unknown" for key in tensors if key not in expected]
    wrong += [
        f"{key} has shape {list(value.shape)} for {list(expected[key].shape)}"
        for key, value in tensors.items()
        if key in expected and value.shape != expected[key].shape
    ]
    wrong += [
        f"{key} has type {value.dtype} for {expected[key].dtype}"
        for key, value in tensors.items()
        if key in expected and value.dtype != expected[key].dtype
    ]
    if wrong:
        more = "; …" if len(wrong) > FEW else ""
        raise InputError(f"{file}: {len(wrong)} weight(s) do not fit {of}: {'; '.join(wrong[:FEW])}{more}")
    require_finite(tensors, file)
    network.load_state_dict(tensors)
