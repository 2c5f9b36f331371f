import json
import struct
import zlib

import pytest
import torch
from torch import nn

from compressors.bundles.packed import MAGIC, pack, rounded, unpack
from compressors.level import prune
from datagen.errors import InputError


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(4, 32, 3), nn.BatchNorm2d(32), nn.ReLU(), nn.Conv2d(32, 32, 3), nn.Linear(40, 50))


@pytest.mark.parametrize("kind", ["float32", "float16", "int8"])
def test_packed_weights_come_back_bit_for_bit(tmp_path, kind):
    net = network()
    prune(net, 0.7)
    state = net.state_dict()
    pack(state, tmp_path / "w", kind)
    back = unpack(tmp_path / "w", state)
    expected = rounded(state, kind)
    assert back.keys() == state.keys()
    for name, tensor in expected.items():
        assert back[name].dtype == state[name].dtype
        assert back[name].numpy().tobytes() == tensor.numpy().tobytes()
        if kind == "float32":
            assert tensor.numpy().tobytes() == state[name].numpy().tobytes()


def test_special_values_come_back_too(tmp_path):
    state = {"w": torch.tensor([[0.0, -0.0, 1e-42]]), "n": torch.tensor(7), "b": torch.tensor([True])}
    pack(state, tmp_path / "w")
    back = unpack(tmp_path / "w", state)
    assert all(back[name].numpy().tobytes() == state[name].numpy().tobytes() for name in state)


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_values_that_are_not_finite_are_refused(tmp_path, value):
    state = {"w": torch.tensor([[0.0, value]])}
    pack(state, tmp_path / "w")
    with pytest.raises(InputError, match="not finite"):
        unpack(tmp_path / "w", state)


def test_the_file_shrinks_with_the_zeros(tmp_path):
    sizes = []
    for sparsity in (0.0, 0.5, 0.9):
        net = network()
        prune(net, sparsity)
        pack(net.state_dict(), tmp_path / "w")
        sizes.append((tmp_path / "w").stat().st_size)
    assert sizes[1] < 0.6 * sizes[0]
    assert sizes[2] < 0.2 * sizes[0]


def test_int8_is_within_half_a_step_of_each_channel():
    state = network().state_dict()
    weight, back = state["3.weight"], rounded(state, "int8")["3.weight"]
    step = weight.abs().amax((1, 2, 3), keepdim=True) / 127
    assert ((weight - back).abs() <= 0.5001 * step).all()
    assert torch.equal(rounded(state, "int8")["1.running_var"], state["1.running_var"])


@pytest.fixture
def packed(tmp_path):
    net = network()
    pack(net.state_dict(), tmp_path / "w")
    return tmp_path / "w", net.state_dict()


def split_header(raw: bytes) -> tuple[dict, bytes]:
    (length,) = struct.unpack("<I", raw[8:12])
    return json.loads(zlib.decompress(raw[12 : 12 + length])), raw[12 + length :]


def with_header(header: dict, body: bytes) -> bytes:
    text = zlib.compress(json.dumps(header).encode())
    return MAGIC + struct.pack("<I", len(text)) + text + body


def test_another_network_is_refused(packed):
    file, state = packed
    with pytest.raises(InputError, match="not those of the network"):
        unpack(file, {**state, "more": torch.zeros(1)})
    with pytest.raises(InputError, match=r"4\.weight"):
        unpack(file, {**state, "4.weight": torch.zeros(50, 41)})


@pytest.mark.parametrize("end", [0, 7, 11, 40, 2000, -1])
def test_a_file_that_was_cut_is_refused(packed, end):
    file, state = packed
    file.write_bytes(file.read_bytes()[:end])
    with pytest.raises(InputError):
        unpack(file, state)


def test_an_unknown_format_is_refused(packed):
    file, state = packed
    header, body = split_header(file.read_bytes())
    file.write_bytes(with_header(header | {"format": 2}, body))
    with pytest.raises(InputError, match="format is 2"):
        unpack(file, state)


@pytest.mark.parametrize(("key", "value"), [("nonzero", 10**12), ("nonzero", -1), ("dtype", "object"), ("nonzero", 3)])
def test_a_header_that_lies_is_refused_before_memory_is_taken(packed, key, value):
    file, state = packed
    header, body = split_header(file.read_bytes())
    header["tensors"]["4.weight"][key] = value
    file.write_bytes(with_header(header, body))
    with pytest.raises(InputError):
        unpack(file, state)
