import numpy as np
import onnx
import pytest
import torch

from compressors.graphs.onnx_graph import Deployed, export_onnx
from compressors.graphs.quantize import quantize, run_graph
from datagen.targets import RtmImage
from search_spaces.build import build
from search_spaces.config import Fold, Network
from search_spaces.genotype import Genotype


@pytest.fixture(scope="module")
def shots(parts):
    shape = parts["shape"]
    noise = np.random.default_rng(0).standard_normal((12, shape.shots, shape.samples, shape.receivers))
    return (0.1 * noise).astype(np.float32)


@pytest.fixture(scope="module")
def whole(parts, tmp_path_factory):
    """The float graph of a network that answers to its input."""
    torch.manual_seed(0)
    shape, cell = parts["shape"], (("conv_3x3",),)
    genotype = Genotype(depth=2, width=8, nodes=1, encoder=cell, decoder=cell, down="sep_conv_3x3", up="sep_conv_3x3")
    network = build(Network(front=Fold(fold=2), genotype=genotype), shape, 0.1)
    file = tmp_path_factory.mktemp("float") / "model.onnx"
    export_onnx(Deployed(network, [RtmImage(scale=parts["statistics"].image_scale)]), shape, file)
    return file


@pytest.fixture(scope="module")
def graph(whole, shots, tmp_path_factory):
    file = tmp_path_factory.mktemp("int8") / "int8.onnx"
    quantize(whole, shots, file)
    return file


def test_the_image_is_nearly_that_of_the_float_graph(whole, graph, shots):
    expected, image = run_graph(whole, shots), run_graph(graph, shots)
    assert image.shape == expected.shape
    assert 0 < np.std(image - expected) < 0.2 * np.std(expected)


def test_the_front_stays_in_float(graph):
    model = onnx.load(graph)
    made_by = {name: node for node in model.graph.node for name in node.output}
    products = [node for node in model.graph.node if node.op_type == "MatMul"]
    assert products
    for node in products:
        assert all(made_by[name].op_type != "DequantizeLinear" for name in node.input if name in made_by)
    assert any(node.op_type == "DequantizeLinear" for node in model.graph.node)


def test_weights_have_a_scale_for_each_output_channel(graph):
    model = onnx.load(graph)
    sizes = {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
    weights = [node for node in model.graph.node if node.op_type == "DequantizeLinear" and node.input[0] in sizes]
    kernels = [node for node in weights if len(sizes[node.input[0]]) == 4]
    assert kernels
    assert all(sizes[node.input[1]] == [sizes[node.input[0]][0]] for node in kernels)
