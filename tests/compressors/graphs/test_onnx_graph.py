"""ONNX Runtime gives the image of torch, whatever the network and the batch."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from compressors.graphs.onnx_graph import INPUT, export_onnx
from compressors.graphs.session import GraphSession
from search_spaces.build import build
from search_spaces.config import Fold, Network, Stack
from search_spaces.fronts.survey_front import SurveyFront
from search_spaces.genotype import Genotype
from search_spaces.networks.nas_unet import NasUnet
from search_spaces.shape import Geometry, Shape

SHAPE = Shape(
    shots=3,
    samples=501,
    receivers=33,
    nz=65,
    nx=67,
    geometry=Geometry(
        sources=(0.0, 33.0, 66.0),
        receivers=tuple(np.linspace(0, 66, 33)),
        source_depth=1.0,
        receiver_depth=1.0,
        onset=50.0,
        slowness=(4.0, 2.5),
    ),
)
SEARCHED = Genotype(
    depth=2, width=4, nodes=3,
    encoder=(("max_pool_3x3",), ("avg_pool_3x3", "skip"), ("none", "sep_conv_5x5", "conv_3x3")),
    decoder=(("dil_sep_conv_5x5",), ("skip", "none"), ("none", "dil_conv_3x3", "none")),
)  # fmt: skip

NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "nasunet": lambda: build(Network(genotype=SEARCHED), SHAPE, 0.02),
    "nasunet-coarse": lambda: build(Network(front=Stack(coarse=True, group=3), genotype=SEARCHED), SHAPE, 0.02),
    "unet": lambda: build(Network(front=Fold(fold=2), model="unet", width=4, depth=2), SHAPE, 0.02),
    "resunet34": lambda: build(Network(model="resunet34"), SHAPE, 0.02),
    "inversionnet": lambda: build(Network(model="inversionnet"), SHAPE, 0.02),
    # A whole denseunet takes 20 s to export; this layer is what the others do not have.
    "denseunet's pooling": lambda: nn.AvgPool2d(2, ceil_mode=True),
}


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_onnx_runtime_gives_the_image_of_torch_for_any_batch(make: Callable[[], nn.Module], tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = make()
    x_BSTR = 0.02 * torch.randn(3, SHAPE.shots, SHAPE.samples, SHAPE.receivers)
    with torch.no_grad():
        net(x_BSTR)  # moves the running statistics
        wanted = net.eval()(x_BSTR).numpy()
    export_onnx(net, SHAPE, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    for batch in (1, 2, 3):
        (image,) = session.run(None, {INPUT: x_BSTR[:batch].numpy()})
        np.testing.assert_allclose(image, wanted[:batch], atol=1e-4, rtol=0)
    checked = GraphSession(tmp_path / "model.onnx")  # refuses what a stranger may have written, and none of ours
    np.testing.assert_allclose(checked(x_BSTR.numpy()), wanted, atol=1e-4, rtol=0)


def test_a_stack_is_gathered_by_element_with_short_indices(tmp_path: Path) -> None:
    """Slices of one number, or indices of 64 bits, would make the front the slowest part of a small network."""
    front = SurveyFront(SHAPE, 0.02, Stack(fold=2))
    export_onnx(front, SHAPE, tmp_path / "front.onnx")
    model = onnx.load(tmp_path / "front.onnx")
    onnx.checker.check_model(model)
    (gather,) = (node for node in model.graph.node if "Gather" in node.op_type)
    assert gather.op_type == "GatherElements"
    (source,) = (node for node in model.graph.node if gather.input[1] in node.output)
    assert source.op_type == "Expand"
    x_BSTR = 0.02 * torch.randn(2, SHAPE.shots, SHAPE.samples, SHAPE.receivers)
    session = onnxruntime.InferenceSession(tmp_path / "front.onnx", providers=["CPUExecutionProvider"])
    (features,) = session.run(None, {INPUT: x_BSTR.numpy()})
    np.testing.assert_allclose(features, front(x_BSTR).numpy(), atol=1e-4, rtol=0)


def test_a_searched_network_stays_in_the_layout_of_its_convolutions(tmp_path: Path) -> None:
    """Nothing is concatenated, a map that doubles is scaled; the weights of convolutions lie there as they are."""
    genotype = Genotype(depth=2, width=64, nodes=2, encoder=SEARCHED.encoder[:2], decoder=SEARCHED.decoder[:2])
    even = replace(SHAPE, nz=64, nx=64)
    front = SurveyFront(even, 0.02, Stack(fold=2))
    for name, net in {"front": front, "net": NasUnet(genotype, front)}.items():
        export_onnx(net, even, tmp_path / f"{name}.onnx")
    without, graph = (onnx.load(tmp_path / f"{name}.onnx").graph for name in ("front", "net"))
    assert number(graph, "Concat") == number(without, "Concat")
    known = {weight.name for weight in graph.initializer}
    assert all(node.input[1] in known for node in graph.node if node.op_type == "Conv")
    *_, up = (node for node in graph.node if node.op_type == "Resize")
    assert up.input[2], "a size in place of a scale"


def number(graph: onnx.GraphProto, operation: str) -> int:
    return sum(node.op_type == operation for node in graph.node)
