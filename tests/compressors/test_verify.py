import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest

from compressors.bundles.bundle import write_bundle
from compressors.bundles.seal import seal
from compressors.graphs.runner import Imager
from compressors.level import prune
from compressors.verify import compare_onnx, file_bytes, latency
from datagen.errors import InputError


@pytest.fixture
def copied(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "copied"))


def shots(count: int) -> np.ndarray:
    return 0.1 * np.random.default_rng(1).standard_normal((count, 2, 40, 12)).astype(np.float32)


def test_onnx_runtime_agrees_with_torch(written):
    assert compare_onnx(written, shots(3)) < 1e-4


def test_a_graph_that_computes_something_else_is_found(copied):
    model = onnx.load(copied / "model.onnx")
    head = next(item for item in model.graph.initializer if item.name.endswith("head.bias"))
    head.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(head) + 0.1, head.name))
    onnx.save(model, copied / "model.onnx")
    seal(copied)
    assert compare_onnx(copied, shots(3)) > 1e-3


def test_a_graph_for_other_shapes_is_refused(copied):
    shape = ["batch", 2, 41, 12]
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name in ("a", "b")]
    graph = onnx.helper.make_graph([onnx.helper.make_node("Identity", ["a"], ["b"])], "g", ends[:1], ends[1:])
    opset = onnx.helper.make_opsetid("", 18)
    onnx.save(onnx.helper.make_model(graph, opset_imports=[opset], ir_version=10), copied / "model.onnx")
    seal(copied)
    with pytest.raises(InputError, match=r"\[2, 41, 12\].*the bundle's survey and grid are \[\[2, 40, 12\]"):
        Imager(copied)


def test_a_graph_that_wants_another_file_is_refused(copied):
    (copied / "secret.bin").write_bytes(bytes(4))
    model = onnx.load(copied / "model.onnx")
    tensor = next(item for item in model.graph.initializer if item.name.endswith("head.bias"))
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", "secret.bin"), ("length", "4")):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    (copied / "model.onnx").write_bytes(model.SerializeToString())
    (copied / "secret.bin").unlink()
    seal(copied)
    with pytest.raises(InputError, match="external data"):
        Imager(copied)


def test_rubbish_in_place_of_the_graph_is_refused(copied):
    (copied / "model.onnx").write_bytes(b"no graph")
    seal(copied)
    with pytest.raises(InputError, match="not an ONNX graph"):
        Imager(copied)


def test_latency_is_a_time(written):
    assert latency(written, threads=1, runs=3) > 0


def test_zeros_pack_better_than_weights(parts, written, tmp_path):
    prune(parts["network"], 0.9)
    pruned = write_bundle(tmp_path / "pruned", **parts)
    assert file_bytes(pruned).weights == file_bytes(written).weights
    assert file_bytes(pruned).weights_packed < file_bytes(written).weights_packed
