"""Travel times in pyGIMLi's unified data format (.sgt), which `seisnas pick` writes too.

4 # shot/geophone points          x y [z] of each in metres; the last is the height
#x y
0 12.5 …
6 # measurements
#s g t                            number of the source's and the receiver's point, from 1; time [s]
1 2 0.0123 …
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datagen.errors import InputError
from datagen.files.reading import MOST_JSON
from datagen.files.regular_files import read_whole

SGT_SUFFIXES = (".sgt",)
COLUMNS = ("s", "g", "t")

Numbers = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class TravelTimes:
    """Measurements, shot by shot in the order of their sources."""

    sources: Numbers  # [m] along x, of each shot
    receivers: list[Numbers]  # [m] of each shot's receivers
    times: list[Numbers]  # [s] the same
    heights: tuple[float, float]  # [m] lowest and highest of the points


def read_sgt(path: Path) -> TravelTimes:
    """Raises InputError: no such file, not of this format, truncated, or numbers of points that are not there."""
    lines = [line.strip() for line in read_whole(path, MOST_JSON).decode("utf-8", "replace").splitlines()]
    try:
        places_PK, _, rest = _block([line for line in lines if line])
        measured_NK, names, _ = _block(rest)
        shot_N, receiver_N, time_N = (measured_NK[:, names.index(column)] for column in COLUMNS)
        if not all(np.isfinite(block).all() for block in (places_PK, measured_NK)):
            raise ValueError("values that are not finite")
        points = np.stack([shot_N, receiver_N]).astype(np.int64) - 1
        if not 0 <= points.min() <= points.max() < len(places_PK):
            raise ValueError(f"points {points.min() + 1} to {points.max() + 1} of {len(places_PK)}")
    except (ValueError, IndexError) as error:
        raise InputError(f"{path}: not pyGIMLi's unified data format with s, g and t, or truncated: {error}") from None
    shots = np.unique(points[0])
    return TravelTimes(
        sources=places_PK[shots, 0],
        receivers=[places_PK[points[1, points[0] == shot], 0] for shot in shots],
        times=[time_N[points[0] == shot] for shot in shots],
        heights=(float(places_PK[:, -1].min()), float(places_PK[:, -1].max())),
    )


def _block(lines: list[str]) -> tuple[Numbers, list[str], list[str]]:
    """The rows that a block counts, the names of their columns, and the lines after it."""
    count = int(lines[0].split("#")[0])
    names = lines[1].lstrip("#").lower().split()
    rows = [[float(word) for word in line.split()] for line in lines[2 : 2 + count]]
    if len(rows) != count or count < 1 or len({len(row) for row in rows}) != 1 or len(rows[0]) < 2:
        raise ValueError(f"{len(rows)} rows of {count}")
    return np.array(rows), names, lines[2 + count :]
