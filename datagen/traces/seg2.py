"""SEG-2, the format of engineering seismographs, read by ObsPy: one file is one shot.

Positions, delay, units and interval are in text fields of each trace's header, which makers of seismographs fill in as
they like: a missing or non-numeric field counts as not set.
"""

import logging
import math
import struct
import warnings
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datagen.errors import InputError
from datagen.files.regular_files import check_memory, regular_file
from datagen.traces.trace_table import FOOT, Numbers, TraceTable, checked_interval

log = logging.getLogger(__name__)

LEAST_BYTES = 2  # of a sample, in any of the format's codes
UNITS = {"": 1.0, "NONE": 1.0, "MET": 1.0, "M": 1.0, "FEET": FOOT, "FOOT": FOOT, "FT": FOOT}  # [m] how they begin
UNITS |= {"INCH": 0.0254, "CENT": 0.01, "CM": 0.01, "MILLI": 0.001, "MM": 0.001, "KILO": 1000.0, "KM": 1000.0}
AUXILIARY = ("UPHOLE", "TEST", "TIME", "PILOT", "SWEEP", "TRIGGER")  # how TRACE_TYPE begins


def read_seg2(path: Path) -> tuple[TraceTable, NDArray[np.float32]]:
    """The traces, and their samples [N, T] in volts or the factor's unit; dead ones are zero.

    Raises InputError: not SEG-2, truncated, too large for the memory, no seismic trace, traces of different sampling,
    or an unknown unit of length.
    """
    every = _traces(path)
    stream = [trace for trace in every if not _kind(trace).startswith(AUXILIARY)]
    if not stream:
        raise InputError(f"{path}: no seismic traces, all are auxiliary (TRACE_TYPE)")
    interval, count = _sampling(path, stream), len(stream)
    dead_N = np.array([_kind(trace).startswith("DEAD") for trace in stream])
    source_N3, receiver_N3 = (_places(path, stream, f"{end}_LOCATION") for end in ("SOURCE", "RECEIVER"))
    table = TraceTable(
        files=(path,),
        samples=stream[0].stats.npts,
        interval=interval,
        file_N=np.zeros(count, np.int64),
        trace_N=np.array([trace.stats.seg2_number for trace in stream]),
        record_N=np.zeros(count, np.int64),
        number_N=np.arange(count),
        offset_N=np.zeros(count),
        source_N2=source_N3[:, :2],
        receiver_N2=receiver_N3[:, :2],
        source_height_N=source_N3[:, 2],
        receiver_height_N=receiver_N3[:, 2],
        start_N=np.array([_number(trace, "DELAY") or 0.0 for trace in stream]),
        dead_N=dead_N,
        sourced=all(_numbers(trace, "SOURCE_LOCATION") for trace in stream),
        auxiliary=len(every) - count,
    )
    values_NT = np.stack([_values(trace) for trace in stream])
    values_NT[dead_N] = 0
    return table, values_NT


def read_fields(path: Path) -> dict[str, list[str]]:
    """The text fields of all traces, auxiliary ones too, as they stand.  Raises InputError: not SEG-2, or truncated."""
    fields: dict[str, list[str]] = {}
    for trace in _traces(path):
        for name, text in trace.stats.seg2.items():
            fields.setdefault(str(name), []).append(" ".join(str(text).split()))
    return fields


def _traces(path: Path) -> list[Any]:
    check_memory(path, 4 * regular_file(path))
    content = path.read_bytes()
    _check_samples(path, content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ObsPy's, of header fields that are not in the standard
        import obspy  # noqa: PLC0415  takes a second, and no other format needs it

        try:
            stream = obspy.read(BytesIO(content), format="SEG2")  # given a path, it leaves the file open on errors
        except Exception as error:  # ObsPy fails on damaged files in many ways
            raise InputError(f"{path}: not SEG-2, or truncated: {error}") from None
    for number, trace in enumerate(stream):
        trace.stats.seg2_number = number
    return list(stream)


def _sampling(path: Path, stream: list[Any]) -> float:
    """The interval [s] of all traces."""
    sampling = {(trace.stats.npts, trace.stats.delta) for trace in stream}
    if len(sampling) != 1 or stream[0].stats.npts == 0:
        found = ", ".join(f"{samples} samples every {delta:g} s" for samples, delta in sorted(sampling))
        raise InputError(f"{path}: traces of {found or 'no samples'}; all traces must be sampled alike")
    return checked_interval(float(stream[0].stats.delta), f"{path}, SAMPLE_INTERVAL")


def _places(path: Path, stream: list[Any], field: str) -> Numbers:
    """x, y and height [N, 3] in metres; all 0 where a trace has none."""
    rows = [_numbers(trace, field)[:3] for trace in stream]
    if not all(rows):
        return np.zeros((len(rows), 3))
    places_N3 = np.array([[*row, 0.0, 0.0][:3] for row in rows])
    metres_N1 = np.array([[_unit(path, trace)] for trace in stream])
    return np.asarray(np.round(places_N3 * metres_N1, 6))


def _unit(path: Path, trace: Any) -> float:
    unit = str(trace.stats.seg2.get("UNITS", "")).strip().upper()
    fitting = [name for name in UNITS if unit.startswith(name) and (len(name) > 1 or unit == name)]
    if not fitting:
        raise InputError(
            f"{path}: UNITS is {unit[:40]!r}; allowed: METERS, FEET, INCHES, CENTIMETERS, MILLIMETERS, NONE"
        )
    return UNITS[max(fitting, key=len)]


def _kind(trace: Any) -> str:
    return str(trace.stats.seg2.get("TRACE_TYPE", "")).strip().upper()


def _check_samples(path: Path, content: bytes) -> None:
    """Raises InputError if the traces promise more samples than fit: ObsPy would read the same bytes many times."""
    order = "<" if content[:2] == b"\x55\x3a" else ">"
    try:
        (traces,) = struct.unpack_from(f"{order}H", content, 6)
        blocks = struct.unpack_from(f"{order}{traces}I", content, 32)
        promised = sum(struct.unpack_from(f"{order}I", content, block + 8)[0] for block in blocks)
    except struct.error:
        raise InputError(f"{path}: not SEG-2, or truncated: trace headers are beyond its end") from None
    if promised * LEAST_BYTES > len(content):
        raise InputError(f"{path}: not SEG-2, or truncated: {promised} samples in {len(content)} bytes")


def _values(trace: Any) -> NDArray[np.float32]:
    """In volts or the factor's unit; amplifiers may differ from trace to trace."""
    return np.asarray(trace.data, np.float32) * np.float32(_number(trace, "DESCALING_FACTOR") or 1.0)


def _number(trace: Any, field: str) -> float | None:
    return next(iter(_numbers(trace, field)), None)


def _numbers(trace: Any, field: str) -> list[float]:
    """The numbers of a header field: a position is written as x, or as x y z."""
    try:
        numbers = [float(word) for word in str(trace.stats.seg2[field]).split()]
    except (KeyError, AttributeError, ValueError):
        return []
    return numbers if all(map(math.isfinite, numbers)) else []
