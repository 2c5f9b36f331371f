"""The trace headers of SEG-Y and SU files as a `TraceTable`: each trace's own words, in metres and seconds.

    coordinates  × scalar (byte 71) × 0.3048 if the file is in feet       delay (109) × scalar (215)
    elevations   × scalar (byte 69)       "                                interval (117), the same in all traces

A scalar below 0 divides.  Where revision 2 adds a header to each trace, its exact values count.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datagen.errors import InputError
from datagen.traces.su import open_su
from datagen.traces.trace_file import SU_SUFFIXES, TRACE_HEAD, TraceFile, open_segy
from datagen.traces.trace_table import ALIKE, FOOT, Indices, Numbers, TraceTable, checked_interval, joined

log = logging.getLogger(__name__)

DEAD = (2, 3)  # of byte 29: dead, dummy
# Time break, uphole, sweep, timing, water break, gun signatures; vibrator's reaction mass, baseplate, estimated force
# and reference, time and velocity pairs.
AUXILIARY = (*range(4, 11), *range(18, 23))
ANGLES = (2, 3, 4)  # of byte 89: seconds of arc, degrees, degrees with minutes and seconds
NAMED = b"SEG00001"  # at the end of the first header that revision 2 adds
COORDINATES = {"sx": 73, "sy": 77, "gx": 81, "gy": 85}
HEIGHTS = {"source": 45, "receiver": 41}
EXACT = {"sx": 337, "sy": 345, "gx": 353, "gy": 361, "source": 297, "receiver": 273}  # doubles of revision 2


def open_traces(path: Path) -> TraceFile:
    """A SEG-Y or SU file.  Raises InputError as `open_segy` and `open_su`."""
    return open_su(path) if path.suffix.lower() in SU_SUFFIXES else open_segy(path)


def read_traces(files: Sequence[Path]) -> TraceTable:
    """The traces of SEG-Y or SU files.

    Raises InputError: as `open_traces`; interval or samples that change; no seismic trace; an interval that is none.
    """
    return joined([_table(open_traces(path)) for path in files])


def _table(file: TraceFile) -> TraceTable:
    code_N = file.word(29, "i2")
    kept = np.flatnonzero(~np.isin(code_N, AUXILIARY))
    if len(kept) < file.traces:
        codes = ", ".join(map(str, np.unique(np.delete(code_N, kept))))
        count = file.traces - len(kept)
        if not len(kept):
            raise InputError(f"{file.path}: no seismic traces, all {count} are auxiliary (byte 29 is {codes})")
        log.warning(
            "%s: %d of %d traces are auxiliary (byte 29 is %s) and left out", file.path, count, file.traces, codes
        )
    places, angles = _places(file)
    heights, record_N, dead_N = _heights(file), _record(file)[kept], np.isin(code_N[kept], DEAD)
    return TraceTable(
        files=(file.path,),
        samples=file.samples,
        interval=_interval(file, kept),
        file_N=np.zeros(len(kept), np.int64),
        trace_N=kept,
        record_N=record_N,
        number_N=file.word(13)[kept],
        offset_N=file.word(37)[kept].astype(np.float64),
        source_N2=_of_their_record(np.stack([places["sx"], places["sy"]], axis=-1)[kept], record_N, dead_N),
        receiver_N2=np.stack([places["gx"], places["gy"]], axis=-1)[kept],
        source_height_N=heights["source"][kept],
        receiver_height_N=heights["receiver"][kept],
        start_N=_starts(file)[kept],
        dead_N=dead_N,
        angles=angles,
        auxiliary=file.traces - len(kept),
    )


def _of_their_record(source_N2: Numbers, record_N: Indices, dead_N: NDArray[np.bool_]) -> Numbers:
    """Sources; dead traces without one have that of the first other trace of their record."""
    unset_N = dead_N & ~source_N2.any(axis=1)
    records, key_N = np.unique(record_N, return_inverse=True)
    first = np.full(len(records), -1)
    others = np.flatnonzero(~unset_N)[::-1]
    first[key_N[others]] = others
    filled = np.flatnonzero(unset_N & (first[key_N] >= 0))
    source_N2[filled] = source_N2[first[key_N[filled]]]
    return source_N2


def _places(file: TraceFile) -> tuple[dict[str, Numbers], bool]:
    """Coordinates of sources and receivers in metres, and whether they are angles instead."""
    factor_N = _factor(file.word(71, "i2"))
    places = {name: _exact(file, name, file.word(byte) * factor_N) for name, byte in COORDINATES.items()}
    angles = bool(np.isin(file.word(89, "i2"), ANGLES).any() and any(each.any() for each in places.values()))
    return {name: each if angles else _metres(file, each) for name, each in places.items()}, angles


def _heights(file: TraceFile) -> dict[str, Numbers]:
    factor_N = _factor(file.word(69, "i2"))
    return {name: _metres(file, _exact(file, name, file.word(byte) * factor_N)) for name, byte in HEIGHTS.items()}


def _metres(file: TraceFile, values_N: Numbers) -> Numbers:
    """Rounded to a micrometre: the same place may be written with several scalars."""
    return np.round(values_N * (FOOT if file.feet else 1.0), 6)


def _exact(file: TraceFile, name: str, values_N: Numbers) -> Numbers:
    if not _extended(file):
        return values_N
    exact_N = file.word(EXACT[name], "f8")
    if not np.isfinite(exact_N).all():
        raise InputError(f"{file.path}: coordinates that are not finite in the headers added by revision 2")
    return np.where(exact_N != 0, exact_N, values_N)


def _extended(file: TraceFile) -> bool:
    if file.head < 2 * TRACE_HEAD:
        return False
    name = np.stack([file.word(2 * TRACE_HEAD - 7 + place, "u1") for place in range(8)], axis=-1)
    return bool((name == np.frombuffer(NAMED, np.uint8)).all())


def _record(file: TraceFile) -> Indices:
    exact_N = file.word(257, "i8") if _extended(file) else np.zeros(file.traces, np.int64)
    return np.where(exact_N != 0, exact_N, file.word(9)).astype(np.int64)


def _starts(file: TraceFile) -> Numbers:
    """Delay of each trace [s]; SU has other things where SEG-Y has the scalar of times."""
    scalar_N = np.zeros(file.traces, np.int64) if file.su else file.word(215, "i2")
    return np.asarray(file.word(109, "i2") * _factor(scalar_N) * 1e-3)


def _factor(scalar_N: NDArray[np.int64]) -> Numbers:
    scalar = scalar_N.astype(np.float64)
    return np.where(scalar < 0, -1 / np.minimum(scalar, -1), np.maximum(scalar, 1))


def _interval(file: TraceFile, kept: Indices) -> float | None:
    """[s]; of the traces, which must have the same, otherwise of the file."""
    own_N = file.word(117, "u2")[kept] * 1e-6
    if _extended(file):
        exact_N = file.word(385, "f8")[kept] * 1e-6
        own_N = np.where(exact_N != 0, exact_N, own_N)
    elif file.exact:
        own_N = np.zeros(len(kept))
    _require_one(file, kept, own_N, "an interval (byte 117) of {:g} s", "interval")
    length_N = file.word(115, "u2")[kept]
    _require_one(file, kept, length_N, "a length (byte 115) of {:g} samples", "number of samples")
    interval = float(own_N[own_N != 0][0]) if own_N.any() else file.interval
    if own_N.any() and file.interval and abs(interval / file.interval - 1) > ALIKE:
        text = "%s: the traces have an interval of %g s (byte 117), the file %g s (byte 3217); the traces' is used"
        log.warning(text, file.path, interval, file.interval)
    return checked_interval(interval, f"{file.path}, byte 117 or 3217") if interval else None


def _require_one(file: TraceFile, kept: Indices, values_N: NDArray[np.generic], text: str, what: str) -> None:
    """Raises InputError if a value changes from trace to trace; 0 is not set."""
    there = np.flatnonzero(values_N)
    other = there[values_N[there] != values_N[there[:1]]] if len(there) else there
    if len(other):
        first, second = (f"trace {kept[n]} has {text.format(values_N[n])}" for n in (there[0], other[0]))
        raise InputError(f"{file.path}: its {what} changes: {first}, {second}; cut the file there")
