"""What a file is, by its first bytes, for messages about files that are not read."""

from pathlib import Path

STARTS = {
    b"\x89HDF\r\n\x1a\n": "HDF5 (also NetCDF 4 and MATLAB 7.3)",
    b"CDF\x01": "NetCDF",
    b"CDF\x02": "NetCDF",
    b"CDF\x05": "NetCDF",
    b"MATLAB 5.0": "MATLAB",
    b"PAR1": "Parquet",
    b"PK\x03\x04": "a ZIP archive (as .npz is)",
    b"\x1f\x8b": "compressed by gzip",
    b"BZh": "compressed by bzip2",
    b"\xfd7zXZ": "compressed by xz",
    b"\x28\xb5\x2f\xfd": "compressed by zstd",
    b"\x93NUMPY": "an .npy",
    b"\x89PNG": "a PNG picture",
    b"%PDF": "a PDF",
    b"SIMPLE  =": "FITS",
    b"\x55\x3a": "SEG-2",
    b"\x3a\x55": "SEG-2",
    b"\xc3\x40\xf1\x40": "SEG-Y",  # EBCDIC "C 1 "
    b"C 1 ": "SEG-Y",
    b"C01 ": "SEG-Y",
}
PICKLES = tuple(b"\x80" + bytes([protocol]) for protocol in range(2, 6))
LONGEST = max(map(len, STARTS))


def known_format(path: Path) -> str | None:
    """What the file is, in words; None: unknown, or not readable."""
    try:
        with open(path, "rb") as stream:
            start = stream.read(LONGEST)
    except OSError:
        return None
    if start.startswith(PICKLES):
        return "a pickle, which may run anything and is never opened"
    return next((name for begin, name in STARTS.items() if start.startswith(begin)), None)


def explained(path: Path, problem: object) -> str:
    """`problem`, or what the file is instead, where its first bytes tell."""
    known = known_format(path)
    if known is None or known.startswith(f"an {path.suffix.lower()}"):
        return str(problem)
    return f"it is {known}, whatever its name; save its arrays with numpy.save"
