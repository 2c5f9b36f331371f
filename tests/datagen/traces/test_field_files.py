"""What recorders really write, and what it means: one case a habit, with the right values."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datagen.errors import InputError
from datagen.traces.gathers import Recording, read_recording
from datagen.traces.segy_shots import SegyShots
from datagen.traces.trace_file import open_segy
from tests.field_files import write_seg2, write_segy, write_su

WAVES_NT = np.random.default_rng(0).standard_normal((12, 50)).astype(np.float32)
RECEIVERS = np.tile(10 * np.arange(6), 2)
RECORDS = np.repeat([7, 8], 6)
LINE = {9: RECORDS, 73: np.repeat([0, 50], 6), 81: RECEIVERS}  # two shots into six receivers


def shots(path: Path, words: dict[int, Any], **options: Any) -> Recording:
    return read_recording(write_segy(path / "a.sgy", WAVES_NT, {**LINE, **words}, **options))


def starts(recording: Recording) -> list[list[float]]:
    return [np.round(each, 9).tolist() for each in recording.starts]


def extended(**doubles: Any) -> np.ndarray:
    """The header that revision 2 adds to each of twelve traces; `b337` and so on: a double at that byte."""
    more = np.zeros((12, 240), np.uint8)
    more[:, 232:] = np.frombuffer(b"SEG00001", np.uint8)
    for name, values in doubles.items():
        place = int(name[1:]) - 241
        part = np.broadcast_to(values, 12).astype(">f8").view(np.uint8).reshape(12, 8)
        more[:, place : place + 8] = part
    return more


REVISION_2 = {3501: ("u1", 2), 3297: ("u4", 16909060)}
DELAYS = np.where(np.arange(12) % 2, 4, 6)
Case = tuple[Callable[[Path], Any], Any]
RIGHT: dict[str, Case] = {
    # times
    "a delay of its own in each shot": (
        lambda p: starts(shots(p, {109: np.repeat([0, -10], 6)})),
        [[0.0] * 6, [-0.01] * 6],
    ),
    "a scalar that divides": (lambda p: starts(shots(p, {109: -25, 215: -10}))[0], [-0.0025] * 6),
    "a scalar that multiplies": (lambda p: starts(shots(p, {109: 2, 215: 10}))[0], [0.02] * 6),
    "delays within a shot put the traces beside one another": (
        lambda p: [
            (shots(p, {109: DELAYS}).gathers[0] == np.stack(
                [np.pad(t, (0, 2) if n % 2 else (2, 0)) for n, t in enumerate(WAVES_NT[:6])], axis=1
            )).all(),
            starts(shots(p, {109: DELAYS}))[0],
        ],
        [True, [0.004] * 6],
    ),
    "delays between two samples": (
        lambda p: starts(shots(p, {109: DELAYS, 215: -10}))[0],
        [0.0006, 0.0004] * 3,
    ),
    "the delay word of SU has no scalar": (
        lambda p: starts(read_recording(write_su(p / "a.su", WAVES_NT, {**LINE, 109: 5, 215: 77}, "<")))[0],
        [0.005] * 6,
    ),
    "an interval beyond 16 bits with a sign": (lambda p: shots(p, {}, interval=40_000).interval, 0.04),
    "an interval in the binary header alone": (lambda p: shots(p, {117: 0}, interval=500).interval, 0.0005),
    "an interval in some traces": (lambda p: shots(p, {117: np.arange(12) % 2 * 500}).interval, 0.0005),
    "no interval": (lambda p: shots(p, {}, interval=0).interval, None),
    # revision 2
    "an exact interval of the file": (
        lambda p: shots(p, {117: 63}, binary={**REVISION_2, 3273: ("f8", 62.5)}).interval,
        6.25e-5,
    ),
    "an exact interval of the traces": (
        lambda p: shots(
            p, {117: 63}, binary={**REVISION_2, 3507: ("i4", 1)}, more=extended(b385=62.5)
        ).interval,
        6.25e-5,
    ),
    "more samples than 16 bits count": (
        lambda p: open_segy(
            write_segy(p / "a.sgy", np.ones((2, 70_000)), binary={**REVISION_2, 3269: ("i4", 70_000)})
        ).samples,
        70_000,
    ),
    "exact coordinates of the traces": (
        lambda p: shots(
            p, {}, binary={**REVISION_2, 3507: ("i4", 1)}, more=extended(b353=RECEIVERS + 0.125, b337=0.5)
        ).receivers[0].tolist(),
        (10.0 * np.arange(6) + 0.125).tolist(),
    ),
    "a first trace further down": (
        lambda p: open_segy(
            write_segy(p / "a.sgy", WAVES_NT, gap=100, binary={**REVISION_2, 3521: ("u8", 3700)})
        ).values()[3].tolist(),
        WAVES_NT[3].tolist(),
    ),
    "the constant of revision 2 tells the order": (
        lambda p: open_segy(write_segy(p / "a.sgy", WAVES_NT, order="<", binary=REVISION_2)).values()[3].tolist(),
        WAVES_NT[3].tolist(),
    ),
    # places
    "scalars of any mixture": (
        lambda p: shots(
            p,
            {
                71: np.tile([0, 1, -10, -100, 10, -1000], 2),
                81: np.tile([0, 10, 200, 3000, 4, 50_000], 2),
                73: np.repeat([0, 50], 6) * np.tile([1, 1, 10, 100, 0.1, 1000], 2),
            },
        ).receivers[1].tolist(),
        [0, 10, 20, 30, 40, 50],
    ),
    "feet": (lambda p: shots(p, {}, binary={3255: ("i2", 2)}).receivers[0][1], 3.048),
    "heights with a scalar of their own": (
        lambda p: shots(p, {41: 1234, 69: -10}).heights[0][0].tolist(),
        [123.4] * 6,
    ),
    "heights in feet": (lambda p: shots(p, {45: 100}, binary={3255: ("i2", 2)}).heights[1], [30.48, 30.48]),
    "a line at 45 degrees is as long as it is": (
        lambda p: np.round(shots(p, {81: 3 * RECEIVERS, 85: 4 * RECEIVERS, 73: 0}).receivers[0], 6).tolist(),
        (50.0 * np.arange(6)).tolist(),
    ),
    "angles are no metres": (lambda p: shots(p, {89: 2}).receivers, None),
    # shots
    "two shots with one number": (
        lambda p: [g.shape for g in shots(p, {9: np.repeat([7, 7], 6)}).gathers],
        [(50, 6), (50, 6)],
    ),
    "two of three shots with one number": (
        lambda p: len(shots(p, {9: np.repeat([7, 7, 9], 4), 73: np.repeat([0, 50, 90], 4)}).gathers),
        3,
    ),
    "shots whose coordinates have two scalars": (
        lambda p: len(
            shots(
                p,
                {71: np.tile([1, -10], 6), 73: np.tile([50, 500], 6), 81: RECEIVERS * np.tile([1, 10], 6), 9: RECORDS},
            ).gathers
        ),
        2,
    ),
    # kinds of traces
    "auxiliary traces are left out": (
        lambda p: [each.tolist() for each in shots(p, {29: np.tile([4, 1, 1, 1, 7, 1], 2)}).traces],
        [[1, 2, 3, 5], [7, 8, 9, 11]],
    ),
    "dead and dummy traces are silent, in their place": (
        lambda p: (np.ptp(shots(p, {29: np.tile([1, 2, 1, 3, 0, 11], 2)}).gathers[0], axis=0) == 0).tolist(),
        [False, True, False, True, False, False],
    ),
    "a dead trace without a source is of its record's shot": (
        lambda p: [
            g.shape
            for g in shots(
                p, {29: np.where(np.arange(12) == 8, 2, 1), 73: np.repeat([10, 50], 6) * (np.arange(12) != 8)}
            ).gathers
        ],
        [(50, 6), (50, 6)],
    ),
    # numbers
    **{
        f"format {code}": (
            lambda p, code=code, kind=kind: shots(
                p, {}, code=code, stored=np.round(20 + 3 * WAVES_NT).astype(kind)
            ).gathers[0][:, 2].tolist(),
            np.round(20 + 3 * WAVES_NT)[2].tolist(),
        )
        for code, kind in ((2, "i4"), (3, "i2"), (6, "f8"), (8, "i1"), (10, "u4"), (11, "u2"), (16, "u1"))
    },
    "IBM floats": (lambda p: np.abs(shots(p, {}, code=1).gathers[0] - WAVES_NT[:6].T).max() < 2e-6, True),
    "IEEE floats marked as IBM": (
        lambda p: (shots(p, {}, code=1, stored=WAVES_NT).gathers[0] == WAVES_NT[:6].T).all(),
        True,
    ),
    "IBM floats marked as IEEE": (
        lambda p: np.abs(
            read_recording(write_segy(p / "b.sgy", WAVES_NT, LINE, code=1, binary={3225: ("u2", 5)})).gathers[0]
            - WAVES_NT[:6].T
        ).max() < 2e-6,
        True,
    ),
    "IEEE velocities that never have a first digit 0 stay": (
        lambda p: open_segy(write_segy(p / "a.sgy", np.linspace(1100, 2000, 600).reshape(12, 50))).values().max(),
        2000.0,
    ),
    # SU
    **{
        f"SU of {samples} samples every {interval} µs, {order}": (
            lambda p, samples=samples, interval=interval, order=order: (
                recording := read_recording(
                    write_su(p / "a.su", np.resize(WAVES_NT, (12, samples)), LINE, order, interval)
                )
            )
            and [recording.interval, recording.gathers[0][3, 1] == np.resize(WAVES_NT, (12, samples))[1, 3]],
            [pytest.approx(interval * 1e-6), True],
        )
        for samples, interval, order in (
            *((257, 257, order) for order in "<>"),  # the same in both orders
            *((514, 1000, order) for order in "<>"),
            *((256, 4000, order) for order in "<>"),  # 1 in the other order
        )
    },
    # SEG-2
    "a delay of each trace of SEG-2": (
        lambda p: starts(read_recording(write_seg2(p / "a.dat", WAVES_NT[:3].T, DELAY=["0", "-0.001", "0"]))),
        [[-0.001] * 3],
    ),
    "feet of SEG-2": (
        lambda p: read_recording(write_seg2(p / "a.dat", WAVES_NT[:3].T, UNITS="FEET")).receivers[0].tolist(),
        pytest.approx([0, 0.6096, 1.2192]),
    ),
    "a line of SEG-2 along y": (
        lambda p: read_recording(
            write_seg2(
                p / "a.dat", WAVES_NT[:3].T, RECEIVER_LOCATION=["5 0 1", "5 3 2", "5 6 3"], SOURCE_LOCATION="5 9 4"
            )
        ),
        lambda r: (r.receivers[0].tolist(), r.sources, r.heights[0][0].tolist()) == ([0, 3, 6], [9], [1, 2, 3]),
    ),
    "a dead trace of SEG-2": (
        lambda p: np.ptp(
            read_recording(
                write_seg2(p / "a.dat", WAVES_NT[:3].T, TRACE_TYPE=["SEISMIC_DATA", "DEAD", "SEISMIC_DATA"])
            ).gathers[0][:, 1]
        ),
        0,
    ),
    "an uphole trace of SEG-2": (
        lambda p: read_recording(
            write_seg2(p / "a.dat", WAVES_NT[:3].T, TRACE_TYPE=["UPHOLE", "SEISMIC_DATA", "SEISMIC_DATA"])
        ).traces[0].tolist(),
        [1, 2],
    ),
    "no source in SEG-2": (lambda p: read_recording(write_seg2(p / "a.dat", WAVES_NT[:3].T)).sources, None),
}  # fmt: skip


@pytest.mark.parametrize("what", RIGHT)
def test_it_is_read_as_it_was_meant(tmp_path: Path, what: str) -> None:
    read, wanted = RIGHT[what]
    found = read(tmp_path)
    assert wanted(found) if isinstance(wanted, type(lambda: 0)) else found == wanted


def named(name: str, content: bytes) -> Callable[[Path], Any]:
    def make(folder: Path) -> Any:
        (folder / name).write_bytes(content + bytes(600))
        return read_recording(folder / name)

    return make


def npz(**arrays: Any) -> Callable[[Path], Any]:
    def make(folder: Path) -> Any:
        np.savez(folder / "a.npz", gathers=WAVES_NT.T, **arrays)
        return read_recording(folder / "a.npz")

    return make


REFUSED: dict[str, tuple[Callable[[Path], Any], str]] = {
    "an interval that changes": (
        lambda p: shots(p, {117: np.where(np.arange(12) == 8, 2000, 1000)}),
        r"interval changes: trace 0 .*0\.001 s, trace 8 .*0\.002 s",
    ),
    "a length that changes": (
        lambda p: shots(p, {115: np.where(np.arange(12) == 5, 40, 50)}),
        r"trace 0 has a length .*50 samples, trace 5 .*40 samples",
    ),
    "delays longer than the record": (lambda p: shots(p, {109: np.arange(12) * 100}), "their records .* have ended"),
    "only auxiliary traces": (lambda p: shots(p, {29: 7}), r"no seismic traces, all 12 are auxiliary .*7\)"),
    **{
        f"format {code}": (
            lambda p, code=code: shots(p, {}, binary={3225: ("u2", code)}),
            rf"number format {code} \(byte 3225\) is not read; allowed: 1, 2, 3, 5",
        )
        for code in (4, 7, 9, 12, 15)
    },
    "an interval that is no number": (
        lambda p: shots(p, {117: 0}, binary={**REVISION_2, 3273: ("f8", np.nan)}),
        "interval of nan s",
    ),
    "an interval below zero": (
        lambda p: shots(p, {117: 0}, binary={**REVISION_2, 3273: ("f8", -1000.0)}),
        r"interval of -0\.001 s",
    ),
    "an interval of SEG-2 in microseconds": (
        lambda p: read_recording(write_seg2(p / "a.dat", WAVES_NT[:3].T, interval="250")),
        "interval of 250 s .*microseconds or milliseconds: write seconds",
    ),
    "an interval of SEG-2 of zero": (
        lambda p: read_recording(write_seg2(p / "a.dat", WAVES_NT[:3].T, interval="0")),
        r"a\.dat",
    ),
    "an unknown unit of SEG-2": (
        lambda p: read_recording(write_seg2(p / "a.dat", WAVES_NT[:3].T, UNITS="CHAINS")),
        "UNITS is 'CHAINS'",
    ),
    **{
        f"an .npz with {name} {value}": (npz(**{name: value}), "a.npz, .*interval|allowed: one number")
        for name, value in (
            ("dt", 0.0),
            ("dt", -0.001),
            ("interval", np.nan),
            ("interval_s", 250),
            ("dt", [1e-3, 2e-3]),
        )
    },
    "SU whose traces differ in length": (
        lambda p: read_recording(
            write_su(p / "a.su", WAVES_NT, {**LINE, 115: np.where(np.arange(12) == 5, 40, 50)}, "<")
        ),
        r"a\.su: not SU",
    ),
    "HDF5 as .npy": (named("a.npy", b"\x89HDF\r\n\x1a\n"), "it is HDF5"),
    "HDF5": (named("a.h5", b"\x89HDF\r\n\x1a\n"), "it is HDF5 .*numpy.save"),
    "NetCDF": (named("a.nc", b"CDF\x01"), "it is NetCDF"),
    "NetCDF as .npz": (named("a.npz", b"CDF\x02"), "it is NetCDF"),
    "MATLAB": (named("a.mat", b"MATLAB 5.0 MAT-file"), "it is MATLAB"),
    "gzip as .npy": (named("a.npy", b"\x1f\x8b\x08"), "compressed by gzip"),
    "an .npz as .npy": (named("a.npy", b"PK\x03\x04"), "ZIP archive"),
    "a pickle": (named("a.npy", b"\x80\x04\x95"), "a pickle, which .* is never opened"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_right_is_refused(tmp_path: Path, what: str) -> None:
    read, complaint = REFUSED[what]
    with pytest.raises(InputError, match=complaint) as error:
        read(tmp_path)
    assert "pickle" not in str(error.value) or what == "a pickle"


def test_several_files_of_one_folder_number_their_shots_apart(tmp_path: Path) -> None:
    files = [write_segy(tmp_path / name, WAVES_NT, LINE) for name in ("a.sgy", "b.sgy")]
    assert SegyShots(files, 2, 6).samples == 2


@pytest.mark.parametrize(
    ("words", "options", "told"),
    [
        ({29: np.tile([4, 1, 1, 1, 7, 1], 2)}, {}, "4 of 12 traces are auxiliary (byte 29 is 4, 7)"),
        ({89: 2}, {}, "its coordinates are angles"),
        ({}, {"code": 1, "stored": WAVES_NT}, "marked as IBM floats (format 1), its numbers are IEEE floats"),
        ({117: 2000}, {}, "the traces have an interval of 0.002 s (byte 117), the file 0.001 s"),
        ({85: np.tile([0, 0, 30, 30, 0, 0], 2)}, {}, "not on a straight line"),
        ({73: 0}, {}, "coordinates of all sources are 0"),
    ],
    ids=["auxiliary", "angles", "IBM", "two intervals", "crooked", "no sources"],
)
def test_what_was_assumed_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, words: dict[int, Any], options: Any, told: str
) -> None:
    with caplog.at_level(logging.WARNING):
        shots(tmp_path, words, **options)
    assert told in caplog.text


def test_an_array_that_lies_on_its_side_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    np.save(tmp_path / "a.npy", WAVES_NT[:, :40].T)
    read_recording(tmp_path / "a.npy")
    assert "transpose" not in caplog.text
    np.save(tmp_path / "a.npy", WAVES_NT[:, :40])
    read_recording(tmp_path / "a.npy")
    assert "more traces (40) than time samples (12)" in caplog.text
