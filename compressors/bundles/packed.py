"""Weights in a file that shrinks with the number of zeros: a bit mask and the non-zero values.

    weights.seisnas   "SEISNAS\\n" ─ length of the header (uint32) ─ header (JSON, by zlib) ─ body, by LZMA
    body              for each tensor: mask of non-zeros ─ scales (int8) ─ values, byte plane after byte plane

    float32           lossless
    float16           values of half the length; unpacked as `rounded` returns them
    int8              w ≈ scale · q,  q = −127 … 127,  one scale for each output channel of a layer; float16 for layers
                      of FEW weights, which are cheap and mostly work at full resolution

Only the weights of layers are shortened; biases, normalisation and buffers stay unchanged.

Byte planes (all first bytes, then all second bytes, as HDF5's shuffle) group the similar exponents.  Of zlib, bz2 and
LZMA with and without them, LZMA with them makes the smallest files (docs/compression.md).

An untrusted file can do no harm: it is data, not a pickle; its tensors must be those that the network expects, and
nothing is unpacked beyond their size.
"""

import json
import lzma
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from compressors.bundles.seal import MOST_FILE
from datagen.errors import InputError
from search_spaces.weights_file import require_finite

WeightFormat = Literal["float32", "float16", "int8"]
MAGIC = b"SEISNAS\n"
FORMAT = 1
LEVELS = 127  # of int8 on each side of 0
FEW = 4096  # with those of fewer weights in 8 bits, too, an SSIM of 0.784 fell by 0.0016 instead of 0.0004
MOST_HEADER = 1 << 20  # bytes, packed or not
FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 0, "pb": 0}]


def pack(state: Mapping[str, Tensor], file: Path, kind: WeightFormat = "float32") -> None:
    """Writes the weights of a network."""
    body, tensors = [], {}
    for name, tensor in state.items():
        values = tensor.detach().cpu().contiguous().numpy()
        stored = _stored_as(values, kind)
        scales = steps_of(values) if stored == "int8" else np.empty(0, np.float32)
        if stored == "int8":
            values = np.rint(values / along_channels(scales, values)).astype(np.int8)
        values = values.astype(stored)
        kept = _bits(values) != 0  # keeps negative zeros
        tensors[name] = {"shape": list(values.shape), "dtype": stored, "nonzero": int(kept.sum())}
        body += [np.packbits(kept).tobytes(), _planes(scales), _planes(values[kept])]
    header = zlib.compress(json.dumps({"format": FORMAT, "kind": kind, "tensors": tensors}).encode(), 9)
    packed = lzma.compress(b"".join(body), lzma.FORMAT_RAW, filters=FILTERS)
    file.write_bytes(MAGIC + struct.pack("<I", len(header)) + header + packed)


def unpack(file: Path, expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Reads the weights of a network whose `state_dict()` has the names, shapes and types of `expected`.

    Raises
    ------
    InputError
        The file is not packed weights, of another format, damaged, of another network, or holds NaN or Inf.
    """
    if file.stat().st_size > MOST_FILE:
        raise InputError(f"{file}: {file.stat().st_size} bytes; packed weights may have at most {MOST_FILE}")
    raw = file.read_bytes()
    tensors, start = _header(file, raw)
    if tensors.keys() != expected.keys():
        odd = sorted(tensors.keys() ^ expected.keys())
        raise InputError(f"{file}: its tensors are not those of the network: {', '.join(odd[:3])}")
    needed = 0
    for name, tensor in expected.items():
        found, shape = tensors[name], list(tensor.shape)
        types = _allowed(tensor)
        if found.get("shape") != shape or found.get("dtype") not in types:
            raise InputError(f"{file}: {name} is {found}; the network has {shape}, stored as {' or '.join(types)}")
        if type(found.get("nonzero")) is not int or not 0 <= found["nonzero"] <= tensor.numel():
            raise InputError(f"{file}: {name} says that {found.get('nonzero')} of {tensor.numel()} are not zero")
        needed += sum(_lengths(tensor, found))
    body = _body(file, raw[start:], needed)
    state, at = {}, 0
    for name, tensor in expected.items():
        lengths = _lengths(tensor, tensors[name])
        parts = []
        for length in lengths:
            parts.append(body[at : at + length])
            at += length
        state[name] = _tensor(file, name, tensor, tensors[name], parts)
    require_finite(state, file)
    return state


def rounded(state: Mapping[str, Tensor], kind: WeightFormat) -> dict[str, Tensor]:
    """Weights after packing as `kind` and unpacking."""
    result = {}
    for name, tensor in state.items():
        values = tensor.detach().cpu().numpy()
        stored = _stored_as(values, kind)
        if stored == "int8":
            steps = along_channels(steps_of(values), values)
            values = (np.rint(values / steps) * steps).astype(np.float32)
        result[name] = torch.from_numpy(values.astype(stored if stored == "float16" else values.dtype)).to(tensor.dtype)
    return result


def _stored_as(values: NDArray[np.generic], kind: WeightFormat) -> str:
    """Only the weights of layers, which have more than one axis, are shortened."""
    if kind == "float32" or values.dtype != np.float32 or values.ndim < 2:
        return values.dtype.name
    return "float16" if values.size < FEW else kind


def _allowed(tensor: Tensor) -> list[str]:
    own = str(tensor.dtype).removeprefix("torch.")
    return [own, "float16", "int8"] if own == "float32" and tensor.ndim > 1 else [own]


def steps_of(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scales of 8-bit weights, one for each output channel; 1 if all weights are zero."""
    largest = np.abs(values).max(axis=tuple(range(1, values.ndim)))
    return np.where(largest > 0, largest / LEVELS, 1).astype(np.float32)


def along_channels(scales: NDArray[np.float32], values: NDArray[np.generic]) -> NDArray[np.float32]:
    """With as many axes as `values`."""
    return scales.reshape(-1, *[1] * (values.ndim - 1))


def _bits(values: NDArray[np.generic]) -> NDArray[np.generic]:
    return values.view(f"u{values.dtype.itemsize}")


def _planes(values: NDArray[np.generic]) -> bytes:
    return values.view(np.uint8).reshape(-1, values.dtype.itemsize).T.tobytes()


def _from_planes(part: bytes, dtype: str) -> NDArray[Any]:
    width = np.dtype(dtype).itemsize
    return np.ascontiguousarray(np.frombuffer(part, np.uint8).reshape(width, -1).T).view(dtype).reshape(-1)


def _lengths(tensor: Tensor, found: Mapping[str, Any]) -> tuple[int, int, int]:
    """Bytes of mask, scales and values."""
    scales = 4 * tensor.shape[0] if found["dtype"] == "int8" else 0
    return -(-tensor.numel() // 8), scales, int(found["nonzero"]) * np.dtype(str(found["dtype"])).itemsize


def _header(file: Path, raw: bytes) -> tuple[dict[str, dict[str, Any]], int]:
    """The file's description of its tensors, and where the body starts."""
    start = len(MAGIC) + 4
    if not raw.startswith(MAGIC) or len(raw) < start:
        raise InputError(f"{file}: not packed weights of SeisNAS")
    (length,) = struct.unpack("<I", raw[len(MAGIC) : start])
    if length > MOST_HEADER or start + length > len(raw):
        raise InputError(f"{file}: damaged: its header would have {length} bytes")
    try:
        header = json.loads(zlib.decompressobj().decompress(raw[start : start + length], MOST_HEADER))
        known, tensors = header["format"], header["tensors"]
    except (zlib.error, ValueError, KeyError, TypeError):
        raise InputError(f"{file}: damaged: its header cannot be read") from None
    if known != FORMAT:
        raise InputError(f"{file}: its format is {known}; this SeisNAS reads {FORMAT}")
    if not isinstance(tensors, dict) or not all(isinstance(each, dict) for each in tensors.values()):
        raise InputError(f"{file}: damaged: its header does not list tensors")
    return tensors, start + length


def _body(file: Path, packed: bytes, needed: int) -> bytes:
    """Exactly `needed` bytes; never unpacks more."""
    coder = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=FILTERS)
    try:
        body = coder.decompress(packed, max_length=needed + 1)
    except (lzma.LZMAError, EOFError) as error:
        raise InputError(f"{file}: damaged: {error}") from None
    if len(body) != needed or not coder.eof or coder.unused_data:
        raise InputError(f"{file}: damaged: it does not hold the {needed} bytes that its header lists")
    return body


def _tensor(file: Path, name: str, like: Tensor, found: Mapping[str, Any], parts: list[bytes]) -> Tensor:
    mask, scales, kept = parts
    here = np.unpackbits(np.frombuffer(mask, np.uint8))[: like.numel()].astype(bool)
    if here.sum() != found["nonzero"]:
        raise InputError(f"{file}: damaged: the mask of {name} has {here.sum()} values for {found['nonzero']}")
    dtype = str(found["dtype"])
    values = np.zeros(like.numel(), dtype)
    values[here] = _from_planes(kept, dtype)
    values = values.reshape(tuple(like.shape))
    if dtype == "int8":
        steps = along_channels(_from_planes(scales, "float32").astype(np.float32), values)
        values = (values * steps).astype(np.float32)
    return torch.from_numpy(values).to(like.dtype)
