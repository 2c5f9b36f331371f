"""The headers of a file of traces as they stand: every field that is set anywhere, with the values in it.

SEG-Y   binary header 3201–3260, then the words of every trace header (their names are segyio's)
SU      the words of every trace header
SEG-2   the text fields of every trace
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import segyio

from datagen.traces.seg2 import read_fields
from datagen.traces.trace_file import TEXT, TRACE_HEAD, TRACE_SUFFIXES, TraceFile
from datagen.traces.trace_headers import open_traces

BINARY_END = 3261  # what follows is unassigned, or of revision 2, whose fields have other sizes
LONGEST = 40  # characters of a text field


@dataclass(frozen=True, kw_only=True)
class Field:
    """One header field of a file; `lowest` and `highest` as they stand there, without scalars or units."""

    name: str
    place: str  # its first byte; empty: a text field, which is found by its name
    lowest: str
    highest: str
    different: int  # values


def header_fields(path: Path) -> list[Field]:
    """Those of the file that are not zero, or not empty, in at least one trace.  Raises InputError as its reader."""
    if path.suffix.lower() in TRACE_SUFFIXES:
        file = open_traces(path)
        return [*([] if file.su else _of_file(file)), *_of_traces(file)]
    return [_text_field(name, texts) for name, texts in read_fields(path).items()]


def _of_file(file: TraceFile) -> Iterator[Field]:
    with open(file.path, "rb") as stream:
        stream.seek(TEXT)
        content = stream.read(BINARY_END - TEXT)
    for name, byte, size in _places(segyio.binfield.keys, BINARY_END):
        value = int(np.frombuffer(content[byte - 1 - TEXT :][:size], f"{file.order}i{size}")[0])
        if value:
            yield Field(name=name, place=str(byte), lowest=str(value), highest=str(value), different=1)


def _of_traces(file: TraceFile) -> Iterator[Field]:
    for name, byte, size in _places(segyio.tracefield.keys, TRACE_HEAD + 1):
        values_N = file.word(byte, f"i{size}")
        if values_N.any():
            yield Field(
                name=name,
                place=str(byte),
                lowest=str(values_N.min()),
                highest=str(values_N.max()),
                different=len(np.unique(values_N)),
            )


def _places(fields: dict[str, int], end: int) -> Iterator[tuple[str, int, int]]:
    """Name, first byte and size of each field of two or four bytes before `end`: a field ends where the next begins."""
    listed = sorted((byte, name) for name, byte in fields.items() if byte < end)
    for (byte, name), (following, _) in pairwise([*listed, (end, "")]):
        if following - byte in (2, 4):
            yield name, byte, following - byte


def _text_field(name: str, texts: Sequence[str]) -> Field:
    """Numbers are ordered as such, texts by their letters."""
    try:
        ordered = sorted(set(texts), key=lambda text: [float(word) for word in text.split()])
    except ValueError:
        ordered = sorted(set(texts))
    first, last = ordered[0][:LONGEST], ordered[-1][:LONGEST]
    return Field(name=name, place="", lowest=first, highest=last, different=len(ordered))
