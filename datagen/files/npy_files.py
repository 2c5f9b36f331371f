"""Arrays in .npy and .npz files; a header may promise no more values than the file can hold.

magic ─ length of the header ─ {'descr': '<f4', 'fortran_order': False, 'shape': (500, 5, 1000, 70)} ─ values
"""

import math
import zipfile
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from datagen.files.known_formats import explained
from datagen.files.regular_files import check_memory, regular_file

MOST_HEADER = 10_000  # bytes; numpy's own limit
MOST_SHRUNK = 100  # times that an archive's arrays may be larger than the archive, if they are large
LARGE = 10**8  # bytes
LONGEST = 2**48  # of an axis


def map_npy(path: Path) -> NDArray[Any]:
    """The array, memory-mapped: only the header is read.

    Raises InputError as `regular_file`, ValueError: no array of plain values, or the file is shorter than its
    header promises.  OSError: not readable.
    """
    length = regular_file(path)
    try:
        with open(path, "rb") as stream:
            _check_header(stream, length)
    except ValueError as error:
        raise ValueError(explained(path, error)) from None
    array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return array


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """All arrays of an archive, by name.  Raises as `map_npy`, InputError if they do not fit in memory, and
    zipfile.BadZipFile."""
    length = regular_file(path)
    if not zipfile.is_zipfile(path):
        raise ValueError(explained(path, "not an .npz, or truncated: it is no ZIP archive"))
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        promised = sum(member.file_size for member in members)
        if promised > max(LARGE, MOST_SHRUNK * length):
            raise ValueError(
                f"{promised} bytes of arrays in an archive of {length}; at most {MOST_SHRUNK} times as many"
            )
        check_memory(path, promised)
        for member in members:
            with archive.open(member) as stream:
                _check_header(stream, member.file_size)
    with np.load(path, allow_pickle=False) as loaded:
        return {name: loaded[name] for name in loaded}


def _check_header(stream: IO[bytes], length: int) -> None:
    """Raises ValueError if what follows is no array of plain values that `length` bytes can hold."""
    head = BytesIO(stream.read(MOST_HEADER + npy.MAGIC_LEN + 4))
    version = npy.read_magic(head)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"version {version[0]}.{version[1]} of the format; arrays of numbers have 1.0 or 2.0")
    try:
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read(head, MOST_HEADER)
    except Exception as error:  # numpy hands the text to Python's parser, which can fail in many ways
        raise ValueError(f"no header of an array: {str(error)[:200] or type(error).__name__}") from None
    if dtype.hasobject:
        raise ValueError("holds Python objects")
    if any(size < 0 for size in shape):
        raise ValueError(f"a shape with {min(shape)}")
    promised, held = math.prod(shape) * dtype.itemsize, length - head.tell()
    if promised > held or max(shape, default=0) > LONGEST:  # of an array of nothing too
        raise ValueError(f"the header promises {promised:.4g} bytes of values, shape {shape}, the file has {held}")
