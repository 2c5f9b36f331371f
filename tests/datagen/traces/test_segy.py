from pathlib import Path

import numpy as np
import pytest

from datagen.errors import InputError
from datagen.traces.segy_shots import SegyShots
from datagen.traces.trace_file import open_segy

REAL = Path(__file__).parents[4] / "shared/data/segy/real_gather.sgy"


@pytest.fixture
def shots_STR():
    return np.random.default_rng(0).standard_normal((6, 20, 5)).astype(np.float32)


RECORDS = {"h9": 100 + np.arange(6)[:, None]}
POSITIONS = {"h81": 10 * np.arange(5)}


@pytest.mark.parametrize("code", [1, 5])
@pytest.mark.parametrize("endian", ["big", "little"])
def test_ibm_and_ieee_floats_of_both_byte_orders_are_the_shots_written(
    tmp_path, shots_STR, write_gathers, code, endian
):
    write_gathers(tmp_path / "a.sgy", shots_STR, code=code, endian=endian, **RECORDS, **POSITIONS)
    gathers = SegyShots([tmp_path / "a.sgy"], 1, 5)
    assert (gathers.samples, gathers.shape, gathers.interval) == (6, (1, 20, 5), 0.001)
    assert np.abs(gathers.read(0, 6)[:, 0] - shots_STR).max() < 2e-6


@pytest.mark.parametrize(
    "headers",
    [
        {**RECORDS, **POSITIONS},
        {**RECORDS, "h85": 10 * np.arange(5)},  # a line along y
        {**RECORDS, "h13": 1 + np.arange(5)},
        {**RECORDS, "h37": 10 * np.arange(5)},
        {"h73": 50 * np.arange(6)[:, None], **POSITIONS},  # no FieldRecord: sources tell shots apart
        {"h9": 7, "h77": 50 * np.arange(6)[:, None], "h13": 1 + np.arange(5)},
    ],
    ids=["record, x", "record, y", "record, number", "record, offset", "source x", "source y"],
)
def test_traces_in_any_order_are_sorted_by_their_headers(tmp_path, shots_STR, headers, write_gathers):
    mixed = np.random.default_rng(1).permutation(30)
    write_gathers(tmp_path / "a.sgy", shots_STR, order=mixed, **headers)
    gathers = SegyShots([tmp_path / "a.sgy"], 3, 5)
    assert np.array_equal(gathers.read(0, 2), shots_STR.reshape(2, 3, 20, 5))
    assert np.array_equal(gathers.read(1, 1)[0], shots_STR[3:])


def test_without_receiver_headers_the_order_in_the_file_stays(tmp_path, shots_STR, write_gathers):
    write_gathers(tmp_path / "a.sgy", shots_STR, **RECORDS)
    assert np.array_equal(SegyShots([tmp_path / "a.sgy"], 1, 5).read(0, 6)[:, 0], shots_STR)


def test_shots_of_several_files_follow_one_another(tmp_path, shots_STR, write_gathers):
    for name, part in (("a.sgy", slice(0, 2)), ("b.sgy", slice(2, 6))):
        write_gathers(tmp_path / name, shots_STR[part], h9=RECORDS["h9"][part], **POSITIONS)
    gathers = SegyShots([tmp_path / "a.sgy", tmp_path / "b.sgy"], 1, 5)
    assert np.array_equal(gathers.read(1, 3)[:, 0], shots_STR[1:4])
    assert gathers.name(4).endswith("b.sgy, sample 4")


def test_shots_with_other_numbers_of_traces_are_told_by_record_and_count(tmp_path, shots_STR, write_gathers):
    write_gathers(tmp_path / "a.sgy", shots_STR, h9=[[1], [2], [3], [4], [5], [5]], **POSITIONS)
    gathers = SegyShots([tmp_path / "a.sgy"], 2, 5)
    ragged, odd = gathers.problems
    assert "receivers: shot 5 has 10, the other 4 of 5 shots 5; " in ragged
    assert "shots: 5 in the file, no multiple of the 2 in" in odd
    assert gathers.shape == (1, 20, 5)  # of the others, so that more can be compared


def test_files_that_do_not_go_together_are_refused(tmp_path, shots_STR, write_gathers):
    write_gathers(tmp_path / "a.sgy", shots_STR, **RECORDS)
    write_gathers(tmp_path / "b.sgy", shots_STR[:, :15], **RECORDS)
    with pytest.raises(InputError, match=r"of \[15, 20\] samples"):
        SegyShots([tmp_path / "a.sgy", tmp_path / "b.sgy"], 1, 5)
    assert [
        "shots: 6 in the file, no multiple of the 4 in" in each
        for each in SegyShots([tmp_path / "a.sgy"], 4, 5).problems
    ] == [True]


def test_truncated_and_other_files_are_named(tmp_path, shots_STR, write_gathers):
    path = tmp_path / "a.sgy"
    write_gathers(path, shots_STR, **RECORDS)
    whole = path.read_bytes()
    for damaged in (whole[:-30], whole[:3000], b"", b"x" * 10_000):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=r"a\.sgy: not SEG-Y"):
            open_segy(path)
    with pytest.raises(InputError, match=r"b\.sgy: no such file"):
        open_segy(tmp_path / "b.sgy")


@pytest.mark.skipif(not REAL.exists(), reason="the real gather is not there")
def test_a_real_gather_is_read_in_the_order_of_its_receivers():
    gathers = SegyShots([REAL], 1, 96)
    assert (gathers.samples, gathers.shape, gathers.interval) == (1, (1, 1000, 96), 0.00025)
    gather_TR = gathers.read(0, 1)[0, 0]
    strongest_R = np.abs(gather_TR).max(axis=0)
    assert strongest_R.argmax() in (65, 66)  # where the source is
    peaks = np.abs(gather_TR[:, 66:79:3]).argmax(axis=0)
    assert (np.diff(peaks) > 40).all()  # farther receivers are reached later
