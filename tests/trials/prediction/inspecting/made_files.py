"""Recordings of every kind and habit, with facts about them, and files that cannot be read."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import segyio

from tests.field_files import write_seg2, write_segy, write_su

S, T, R = 4, 120, 24
SHOT, RECEIVER = np.arange(S * R) // R, np.arange(S * R) % R
LINE = {9: 1 + SHOT, 73: 60 * SHOT, 81: 10 * RECEIVER}  # a fixed spread


def waves(shots: int = S, receivers: int = R, samples: int = T) -> np.ndarray:
    """20 Hz, moving out by 4 ms a receiver, with a little noise; `[S * R, T]`."""
    time_T = 0.001 * np.arange(samples) - 0.03
    a_NT = (np.pi * 20 * (time_T - 0.004 * np.tile(np.arange(receivers), shots)[:, None])) ** 2
    noise = 0.01 * np.random.default_rng(0).standard_normal(a_NT.shape)
    return ((1 - 2 * a_NT) * np.exp(-a_NT) + noise).astype(np.float32)


def segy(path: Path, words: Mapping[int, Any] = {}, **options: Any) -> Path:
    return write_segy(path / "a.sgy", waves(), {**LINE, **words}, **options)


def su(path: Path, words: Mapping[int, Any] = {}, order: str = "<", interval: int = 1000) -> Path:
    return write_su(path / "a.su", waves(), {**LINE, **words}, order, interval)


def seg2(path: Path, **fields: Any) -> Path:
    return write_seg2(path / "a.dat", waves(1).T, "0.001", **{"SOURCE_LOCATION": "-5", **fields})


def with_segyio(path: Path) -> Path:
    """A folder of two files, IBM floats, a shot in each."""
    for shot in range(2):
        spec = segyio.spec()
        spec.format, spec.samples, spec.tracecount = 1, range(T), R
        with segyio.create(path / f"{shot}.sgy", spec) as file:
            file.bin[segyio.BinField.Interval] = 1000
            for trace, values in enumerate(waves(1)):
                file.trace[trace] = values
                file.header[trace] = {9: shot, 73: 230 * shot, 81: 10 * trace, 117: 1000}
    return path


def array(*axes: int, name: str = "a.npy", **more: Any) -> Callable[[Path], Path]:
    def make(path: Path) -> Path:
        shots = np.resize(waves(1).T, axes).astype(np.float32)
        np.savez(path / name, gathers=shots, **more) if name.endswith("z") else np.save(path / name, shots)
        return path / name

    return make


def openfwi(path: Path, models: bool = True, kind: type = np.float32) -> Path:
    for number in (1, 2):
        np.save(path / f"data{number}.npy", np.resize(waves(1).T, (6, S, T, R)).astype(kind))
        if models:
            np.save(path / f"model{number}.npy", np.full((6, 1, 24, 24), 2000, np.float32))
    return path


def sgt(path: Path, text: str | None = None) -> Path:
    lines = ["4 # shot/geophone points", "#x y", *(f"{5 * n} {n}" for n in range(4)), "5 # measurements", "#s g t"]
    lines += ["1 2 0.01", "1 3 0.02", "1 4 0.03", "4 1 0.03", "4 2 0.025"]
    (path / "a.sgt").write_text("\n".join(lines) if text is None else text)
    return path / "a.sgt"


Case = tuple[Callable[[Path], Path], dict[str, str]]  # how a file is made, and facts about it
MADE: dict[str, Case] = {
    "SEG-Y, a fixed spread": (
        segy,
        {"spread": "fixed", "shots": "4 of 24 traces", "sources": "0, 60, 120, 180 m", "record length": "0.12 s"},
    ),
    "SEG-Y, a moving spread": (
        lambda p: segy(p, {81: 10 * RECEIVER + 60 * SHOT}),
        {"spread": "moves with the shots", "receivers": "0 to 410 m, 10 m apart"},
    ),
    "SEG-Y, delays": (lambda p: segy(p, {109: -10 * (SHOT + 1)}), {"first sample": "-0.04 to -0.01 s, traces differ"}),
    "SEG-Y, an odd interval": (lambda p: segy(p, interval=333), {"interval": "0.333 ms"}),
    "SEG-Y, no interval": (lambda p: segy(p, interval=0), {"interval": "not in the file; --interval"}),
    "SEG-Y, dead and auxiliary traces": (
        lambda p: segy(p, {29: np.select([RECEIVER == 3, RECEIVER == 23], [2, 7], 1)}),
        {"dead traces": "4 of 92, 4 in all marked so (byte 29)", "auxiliary": "4 traces", "shots": "4 of 23 traces"},
    ),
    "SEG-Y, feet": (
        lambda p: segy(p, binary={3255: ("i2", 2)}),
        {"unit of length": "feet, converted", "receivers": "0 to 70.104 m, 3.048 m apart"},
    ),
    "SEG-Y, the other byte order, heights": (
        lambda p: segy(p, {41: 5 * RECEIVER, 45: 3}, order="<"),
        {"format": "little-endian", "heights": "0 to 115 m"},
    ),
    "SEG-Y, shots of different size": (
        lambda p: segy(p, {9: np.where(np.arange(S * R) > 90, 5, 1 + SHOT)}),
        {"shots": "5 of 5 to 24 traces"},
    ),
    "SEG-Y, values that are no numbers": (
        lambda p: write_segy(p / "a.sgy", np.where(np.arange(S * R)[:, None] == 7, np.nan, waves()), LINE),
        {"not finite": "1 of 96 traces"},
    ),
    "a folder of SEG-Y by segyio": (with_segyio, {"format": "SEG-Y, IBM floats, big-endian, 2 files"}),
    "SU": (su, {"format": "SU, IEEE floats, little-endian", "spread": "fixed"}),
    "SU, the other byte order": (lambda p: su(p, order=">"), {"format": "big-endian"}),
    "SU, a moving spread": (lambda p: su(p, {81: 10 * RECEIVER + 60 * SHOT}), {"spread": "moves with"}),
    "SU, a delay": (lambda p: su(p, {109: 8}), {"first sample": "at 0.008 s"}),
    "SU, dead traces, an odd interval": (
        lambda p: su(p, {29: np.where(RECEIVER == 0, 2, 1)}, interval=257),
        {"dead traces": "4 of 96", "interval": "0.257 ms"},
    ),
    "SEG-2": (seg2, {"format": "SEG-2", "sources": "-5 m", "spread": "of one shot"}),
    "SEG-2, a delay of each trace": (
        lambda p: seg2(p, DELAY=["-0.002" if n else "0" for n in range(R)]),
        {"first sample": "at -0.002 s after the shot"},
    ),
    "SEG-2, feet": (lambda p: seg2(p, UNITS="FEET"), {"receivers": "0.6096 m apart"}),
    "SEG-2, dead and uphole traces": (
        lambda p: seg2(p, TRACE_TYPE=["UPHOLE", "DEAD", *["SEISMIC_DATA"] * (R - 2)]),
        {"dead traces": "1 of 23", "auxiliary": "1 traces left out"},
    ),
    "SEG-2, no positions": (
        lambda p: seg2(p, SOURCE_LOCATION=None, RECEIVER_LOCATION=None),
        {"spread": "not known, no positions"},
    ),
    ".npy of one survey": (array(S, T, R), {"axes": "[4, 120, 24] = S, T, R", "shots": "4 of 24"}),
    ".npy of samples": (array(6, S, T, R), {"axes": "[6, 4, 120, 24] = N, S, T, R", "shots": "24 of 24"}),
    ".npy of one gather": (array(T, R), {"axes": "[120, 24] = T, R", "shots": "1 of 24"}),
    ".npz with an interval": (array(S, T, R, name="a.npz", dt=0.0005), {"interval": "0.5 ms"}),
    ".npz with first breaks": (
        array(S, T, R, name="a.npz", first_break_s=np.where(RECEIVER == 1, np.nan, 0.05).reshape(S, R)),
        {"first breaks": "92 of 96 traces, 0.05 to 0.05 s"},
    ),
    "OpenFWI": (openfwi, {"format": "OpenFWI, 2 of 2 files with models, 2 files", "axes": "[12, 4, 120, 24]"}),
    "OpenFWI without models": (lambda p: openfwi(p, models=False), {"format": "0 of 2 files with models"}),
    "OpenFWI, half the precision": (lambda p: openfwi(p, kind=np.float16), {"shots": "48 of 24 traces"}),
    "picks": (sgt, {"first breaks": "5 of 5 traces, 0.01 to 0.03 s", "shots": "2 of 2 to 3", "heights": "0 to 3 m"}),
}  # fmt: skip


def cut(file: Path) -> Path:
    file.write_bytes(file.read_bytes()[:-77])
    return file


def named(file: Path, content: bytes) -> Path:
    file.write_bytes(content)
    return file


BAD: dict[str, Callable[[Path], Path]] = {
    "truncated SEG-Y": lambda p: cut(segy(p)),
    "truncated SU": lambda p: cut(su(p)),
    "truncated SEG-2": lambda p: cut(seg2(p)),
    "truncated .npy": lambda p: cut(array(S, T, R)(p)),
    "truncated .npz": lambda p: cut(array(S, T, R, name="a.npz")(p)),
    "truncated picks": lambda p: sgt(p, "4 # points\n#x y\n0 0\n"),
    "picks of no point": lambda p: sgt(p, "2 # points\n#x y\n0 0\n1 0\n1 # measurements\n#s g t\n1 7 0.1\n"),
    "an empty file": lambda p: named(p / "a.sgy", b""),
    "noise as SEG-2": lambda p: named(p / "a.dat", bytes(range(256)) * 20),
    "an ending that nobody knows": lambda p: named(p / "a.txt", b"hello"),
    "an empty folder": lambda p: p,
    "an interval that changes": lambda p: segy(p, {117: 1000 + 500 * (SHOT == 2)}),
    "a format that is not read": lambda p: segy(p, binary={3225: ("u2", 7)}),
    "nothing": lambda p: p / "b.sgy",
}
