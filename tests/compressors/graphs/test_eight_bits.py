"""A small graph holds whole numbers, and computes what the rounded network does."""

from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn

from compressors.bundles.packed import rounded
from compressors.graphs.onnx_graph import export_onnx
from compressors.graphs.session import GraphSession
from search_spaces.shape import Shape

SHAPE = Shape(shots=3, samples=24, receivers=20, nz=24, nx=20, geometry=None)


def network() -> nn.Module:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 40, 3, padding=1),
        nn.BatchNorm2d(40),
        nn.ReLU(),
        nn.Conv2d(40, 40, 3, padding=1, bias=False),
        nn.BatchNorm2d(40),
        nn.ReLU(),
        nn.Conv2d(40, 1, 1),
    )
    net(3 * torch.randn(8, 3, 24, 20))  # moves the running statistics
    with torch.no_grad():
        net[4].weight.uniform_(-2, 2)  # folded into the convolution, it turns channels round
    return net.eval()


def test_a_small_graph_is_the_rounded_network(tmp_path: Path) -> None:
    net = network()
    net.load_state_dict(rounded(net.state_dict(), "int8"))
    for small in (False, True):
        export_onnx(net, SHAPE, tmp_path / f"{small}.onnx", small=small)
    x_BSTR = torch.randn(3, 3, 24, 20)
    with torch.no_grad():
        np.testing.assert_allclose(GraphSession(tmp_path / "True.onnx")(x_BSTR.numpy()), net(x_BSTR), atol=1e-5)
    plain, short = ((tmp_path / f"{small}.onnx").stat().st_size for small in (False, True))
    assert short < plain - 2.9 * net[3].weight.numel(), "one byte a weight instead of four"
    assert onnx.TensorProto.INT8 in kinds(tmp_path / "True.onnx")


def test_weights_that_8_bits_cannot_hold_stay_as_they_are(tmp_path: Path) -> None:
    net = network()
    export_onnx(net, SHAPE, tmp_path / "net.onnx", small=True)
    assert kinds(tmp_path / "net.onnx") == {onnx.TensorProto.FLOAT}
    x_BSTR = torch.randn(2, 3, 24, 20)
    with torch.no_grad():
        np.testing.assert_allclose(GraphSession(tmp_path / "net.onnx")(x_BSTR.numpy()), net(x_BSTR), atol=1e-5)


def kinds(file: Path) -> set[int]:
    """Types of the weights of convolutions."""
    return {tensor.data_type for tensor in onnx.load(file).graph.initializer if len(tensor.dims) == 4}
