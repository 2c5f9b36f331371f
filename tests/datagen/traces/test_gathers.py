import struct

import numpy as np
import pytest

from datagen.errors import InputError
from datagen.traces.gathers import read_gathers, read_recording


@pytest.fixture
def shots_STR():
    return np.random.default_rng(0).standard_normal((3, 20, 5)).astype(np.float32)


def write_seg2(path, gather_TR, interval=0.0005, **fields):
    """A SEG-2 file of 32-bit floats: file block, trace pointers, then each trace's block, texts and samples."""
    samples, traces = gather_TR.shape
    blocks = []
    for number in range(traces):
        texts = {"SAMPLE_INTERVAL": f"{interval:g}", "RECEIVER_LOCATION": f"{2.0 * number:.2f}", **fields}
        free = b"".join(_text(f"{key} {value}") for key, value in texts.items()) + b"\0\0"
        free += b"\0" * (-len(free) % 4)
        data = gather_TR[:, number].astype("<f4").tobytes()
        blocks.append(struct.pack("<HHIIB19x", 0x4422, 32 + len(free), len(data), samples, 4) + free + data)
    free = _text("ACQUISITION_DATE 01/01/2020") + _text("ACQUISITION_TIME 12:00:00") + b"\0\0"
    start = 32 + 4 * traces + len(free)
    pointers = np.cumsum([start, *map(len, blocks[:-1])]).astype("<u4").tobytes()
    head = struct.pack("<HHHHB2sB2s18x", 0x3A55, 1, 4 * traces, traces, 1, b"\0\0", 1, b"\n\0")
    path.write_bytes(head + pointers + free + b"".join(blocks))


def _text(line):
    return struct.pack("<H", len(line) + 3) + line.encode() + b"\0"


def test_arrays_keep_their_values_and_have_no_interval(tmp_path, shots_STR):
    for array in (shots_STR, shots_STR[0], shots_STR[:, None]):
        np.save(tmp_path / "a.npy", array)
        gathers, interval = read_gathers(tmp_path / "a.npy")
        assert interval is None
        assert np.array_equal(gathers, array.reshape(-1, 20, 5))


def test_an_npz_may_hold_labels_and_interval(tmp_path, shots_STR):
    labels = np.arange(15, dtype=np.float32).reshape(3, 5)
    np.savez(tmp_path / "a.npz", shots=shots_STR, first_break_s=labels, ids=np.arange(3), dt=0.002)
    recording = read_recording(tmp_path / "a.npz")
    assert recording.interval == 0.002
    assert np.array_equal(recording.first_breaks, labels)


def test_labels_of_another_length_are_refused(tmp_path, shots_STR):
    np.savez(tmp_path / "a.npz", shots=shots_STR, first_break_s=np.zeros((3, 4)))
    with pytest.raises(InputError, match=r"labels of shape \[3, 4\] for 3 gathers of 5 traces"):
        read_recording(tmp_path / "a.npz")


@pytest.mark.parametrize("code", [1, 5])
def test_segy_is_sorted_and_its_positions_are_metres(tmp_path, shots_STR, write_gathers, code):
    mixed = np.random.default_rng(1).permutation(15)
    headers = {"h9": np.arange(3)[:, None], "h81": 150 * np.arange(5), "h73": 300 * np.arange(3)[:, None], "h71": -100}
    write_gathers(tmp_path / "a.sgy", shots_STR, order=mixed, code=code, interval=250, **headers)
    recording = read_recording(tmp_path / "a.sgy")
    assert np.abs(np.stack(recording.gathers) - shots_STR).max() < 2e-6
    assert recording.interval == pytest.approx(0.00025)
    assert np.allclose(recording.receivers[1], 1.5 * np.arange(5))
    assert np.allclose(recording.sources, [0, 3, 6])
    assert np.array_equal(np.concatenate(recording.traces), np.argsort(mixed))


def test_shots_of_different_width_are_a_list(tmp_path, shots_STR, write_gathers):
    record = np.array([[1] * 5, [2] * 5, [1, 1, 3, 3, 3]])
    write_gathers(tmp_path / "a.sgy", shots_STR, h9=record, h13=np.arange(15).reshape(3, 5))
    gathers, _ = read_gathers(tmp_path / "a.sgy")
    assert [gather.shape for gather in gathers] == [(20, 7), (20, 5), (20, 3)]


@pytest.mark.parametrize("order", ["<", ">"])
def test_su_of_both_byte_orders_is_read(tmp_path, shots_STR, order):
    blocks = []
    for number, trace in enumerate(shots_STR.transpose(0, 2, 1).reshape(-1, 20)):
        head = bytearray(240)
        for byte, kind, value in ((9, "i", number // 5), (13, "i", number), (115, "h", 20), (117, "h", 500)):
            struct.pack_into(order + kind, head, byte - 1, value)
        blocks.append(bytes(head) + trace.astype(order + "f4").tobytes())
    (tmp_path / "a.su").write_bytes(b"".join(blocks))
    gathers, interval = read_gathers(tmp_path / "a.su")
    assert interval == pytest.approx(0.0005)
    assert np.array_equal(gathers, shots_STR)


def test_seg2_is_read_with_its_positions_and_delay(tmp_path, shots_STR):
    write_seg2(tmp_path / "1.dat", shots_STR[0], SOURCE_LOCATION="-3.0 0 0", DELAY="-0.01")
    recording = read_recording(tmp_path / "1.dat")
    assert np.array_equal(recording.gathers[0], shots_STR[0])
    assert (recording.interval, recording.sources) == (pytest.approx(0.0005), [-3.0])
    assert np.allclose(recording.starts, -0.01)
    assert np.allclose(recording.receivers[0], 2.0 * np.arange(5))


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.sgy", "a.su", "a.dat", "a.txt"])
@pytest.mark.parametrize("content", [b"", b"\x93NUMPY\x01\x00broken" * 40])
def test_damaged_files_are_one_clear_error(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=name.replace(".", r"\.")):
        read_gathers(tmp_path / name)


def test_a_truncated_segy_is_refused(tmp_path, shots_STR, write_gathers):
    write_gathers(tmp_path / "a.sgy", shots_STR, h9=np.arange(3)[:, None])
    whole = (tmp_path / "a.sgy").read_bytes()
    (tmp_path / "a.sgy").write_bytes(whole[:-30])
    with pytest.raises(InputError, match="truncated"):
        read_gathers(tmp_path / "a.sgy")
