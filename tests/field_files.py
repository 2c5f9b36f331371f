"""Small SEG-Y, SU and SEG-2 files, byte by byte: whatever a recorder may have written."""

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

KINDS = {1: "u4", 2: "i4", 3: "i2", 5: "f4", 6: "f8", 8: "i1", 10: "u4", 11: "u2", 16: "u1"}
SHORT = {*range(29, 37, 2), 69, 71, *range(89, 181, 2), 215}  # first bytes of words of two bytes


def ibm(values: NDArray[np.floating[Any]]) -> NDArray[np.uint32]:
    """IBM floats, by the definition."""
    fraction, exponent = np.frexp(np.abs(values.astype(np.float64)))
    sixteen = -(-exponent // 4)
    digits = np.round(fraction * 2.0 ** (exponent - 4 * sixteen) * 2**24).astype(np.int64)
    digits, sixteen = np.where(digits == 2**24, 2**20, digits), sixteen + (digits == 2**24)
    words = (np.signbit(values).astype(np.int64) << 31) | ((sixteen + 64) << 24) | digits
    return np.where(values == 0, 0, words).astype(np.uint32)


def write_segy(
    path: Path,
    traces_NT: NDArray[Any],
    words: Mapping[int, Any] = {},
    *,
    code: int = 5,
    stored: NDArray[Any] | None = None,  # the numbers written, if not the traces in format `code`
    binary: Mapping[int, tuple[str, Any]] = {},
    interval: int = 1000,
    order: str = ">",
    more: NDArray[Any] | None = None,  # [N, bytes] of headers added to each trace
    gap: int = 0,  # bytes between the headers and the first trace
) -> Path:
    samples = traces_NT.shape[1]
    head = bytearray(3600)
    fields = {3217: ("u2", interval), 3221: ("u2", samples % 65536), 3225: ("u2", code), **binary}
    for byte, (kind, value) in fields.items():
        part = np.array(value, f"{order}{kind}").tobytes()
        head[byte - 1 : byte - 1 + len(part)] = part
    path.write_bytes(bytes(head) + bytes(gap) + _traces(traces_NT, words, interval, order, code, stored, more))
    return path


def write_su(path: Path, traces_NT: NDArray[Any], words: Mapping[int, Any], order: str, interval: int = 1000) -> Path:
    path.write_bytes(_traces(traces_NT, {115: traces_NT.shape[1], **words}, interval, order, 5, None, None))
    return path


def _traces(
    traces_NT: NDArray[Any], words: Mapping[int, Any], interval: int, order: str, code: int, stored: Any, more: Any
) -> bytes:
    count = len(traces_NT)
    if stored is None:
        stored = ibm(traces_NT) if code == 1 else traces_NT.astype(KINDS[code])
    heads = np.zeros((count, 240), np.uint8)
    for byte, values in {117: interval, **words}.items():
        kind = f"{order}{'u2' if byte in (115, 117) else 'i2' if byte in SHORT else 'i4'}"
        part = np.broadcast_to(values, count).astype(kind).view(np.uint8).reshape(count, -1)
        heads[:, byte - 1 : byte - 1 + part.shape[1]] = part
    samples = np.ascontiguousarray(stored).astype(stored.dtype.newbyteorder(order)).view(np.uint8).reshape(count, -1)
    return np.concatenate([heads, *([] if more is None else [more]), samples], axis=1).tobytes()


def write_seg2(path: Path, gather_TR: NDArray[Any], interval: str = "0.0005", **fields: Any) -> Path:
    """32-bit floats; `fields` of the traces: one text, or a list with one for each."""
    samples, traces = gather_TR.shape
    blocks = []
    for number in range(traces):
        own = {key: value[number] if isinstance(value, list) else value for key, value in fields.items()}
        texts = {"SAMPLE_INTERVAL": interval, "RECEIVER_LOCATION": f"{2.0 * number:.2f}", **own}
        free = b"".join(_text(f"{key} {value}") for key, value in texts.items() if value is not None) + b"\0\0"
        free += b"\0" * (-len(free) % 4)
        data = gather_TR[:, number].astype("<f4").tobytes()
        blocks.append(struct.pack("<HHIIB19x", 0x4422, 32 + len(free), len(data), samples, 4) + free + data)
    free = _text("ACQUISITION_DATE 01/01/2020") + _text("ACQUISITION_TIME 12:00:00") + b"\0\0"
    pointers = np.cumsum([32 + 4 * traces + len(free), *map(len, blocks[:-1])]).astype("<u4").tobytes()
    head = struct.pack("<HHHHB2sB2s18x", 0x3A55, 1, 4 * traces, traces, 1, b"\0\0", 1, b"\n\0")
    path.write_bytes(head + pointers + free + b"".join(blocks))
    return path


def _text(line: str) -> bytes:
    return struct.pack("<H", len(line) + 3) + line.encode() + b"\0"
