"""What a graph may be and take.  The graphs of strangers: tests/hostile."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from compressors.graphs import session as graph_module
from compressors.graphs.check import read_graph
from compressors.graphs.onnx_graph import export_onnx
from compressors.graphs.quantize import quantize
from compressors.graphs.session import GraphSession
from compressors.graphs.size import Size, measure_size, without_weights
from compressors.verify import graph_latency
from datagen.errors import InputError
from datagen.memory_limit import MIB, at_most
from search_spaces.cells.operations import OPERATIONS
from search_spaces.shape import Shape
from tests.hostile import graphs

SHOTS = np.ones((1, *graphs.GIVEN), np.float32)


class EveryOperation(nn.Module):
    """All that a cell can hold, side by side."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.operations = nn.ModuleList([make(channels) for make in OPERATIONS.values()])

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([operation(x) for operation in self.operations]).sum(0)


def written(tmp_path: Path, made: object) -> Path:
    graphs.write(made, tmp_path / "model.onnx")  # type: ignore[arg-type]
    return tmp_path / "model.onnx"


def test_every_operation_of_the_search_spaces_passes(tmp_path: Path, parts: dict[str, object]) -> None:
    shape = parts["shape"]
    assert isinstance(shape, Shape)
    net = EveryOperation(shape.shots).eval()
    export_onnx(net, shape, tmp_path / "model.onnx")
    shots_BSTR = torch.randn(3, shape.shots, shape.samples, shape.receivers)
    found = GraphSession(tmp_path / "model.onnx")(shots_BSTR.numpy())
    np.testing.assert_allclose(found, net(shots_BSTR).detach().numpy(), atol=1e-4)


def test_a_size_is_the_sum_of_all_that_is_calculated(tmp_path: Path) -> None:
    file = written(tmp_path, graphs.honest())
    given, made = 4 * 2 * 40 * 18, 4 * 16 * 18
    sizes = (2 + 4) * 8  # of the two reshapes
    work = 1440 * 288 + (2 + 4) + (2 * 1440) + (1440 + 1440 + 2) + (288 + 288 + 4)
    bare = without_weights(read_graph(file)[0])
    assert measure_size(bare, 1, file) == Size(bytes=2 * given + 2 * made + sizes, work=work)
    assert measure_size(bare, 5, file).bytes == 5 * (2 * given + 2 * made) + sizes


def test_shapes_that_the_file_claims_are_not_believed(tmp_path: Path) -> None:
    model = graphs.scalar_shape("Expand", 7_500, 1_000_000)
    model.graph.value_info.append(graphs.helper.make_tensor_value_info("large", 1, [1, 1]))
    with pytest.raises(InputError, match=r"takes 3e\+10 bytes"):
        GraphSession(written(tmp_path, model))


def test_a_run_that_takes_more_than_its_shapes_ends_as_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second line of defence, for what shape inference might get wrong."""
    large = graphs.scalar_shape("Expand", 2, 100_000_000)
    monkeypatch.setattr(graph_module, "SPARE", 256 * MIB)
    monkeypatch.setattr(graph_module, "ROUNDED_UP", 0)
    with pytest.raises(InputError, match=r"model\.onnx: ONNX Runtime (fails to|cannot) run it"):
        GraphSession(written(tmp_path, large))(SHOTS)
    monkeypatch.undo()
    assert GraphSession(written(tmp_path, graphs.honest()))(SHOTS).shape == (1, 1, 16, 18)


def test_memory_is_limited_inside_and_free_again_after() -> None:
    with pytest.raises(MemoryError), at_most(16 * MIB):
        np.empty(4096 * MIB, np.uint8)  # more than what earlier work may have left to be used again
    assert np.empty(4096 * MIB, np.uint8).nbytes == 4096 * MIB


def test_a_large_network_is_given_fewer_models_at_once(tmp_path: Path) -> None:
    assert GraphSession(written(tmp_path, graphs.honest())).at_once(8) == 8
    shape = graphs.constant("shape", [160_000, 1, 1, 1])  # 0.9 GB for each model
    many = [
        shape,
        graphs.node("Expand", "shots shape", "large"),
        graphs.node("ReduceMax", "large", "extra", keepdims=0),
    ]
    graph = GraphSession(written(tmp_path, graphs.added(*many)))
    assert 1 <= graph.at_once(8) < 8


def test_graphs_outside_bundles_are_checked_alike(tmp_path: Path) -> None:
    file = written(tmp_path, graphs.external("secret.bin"))
    with pytest.raises(InputError, match="external data"):
        quantize(file, SHOTS, tmp_path / "int8.onnx")
    with pytest.raises(InputError, match="external data"):
        graph_latency(file)
