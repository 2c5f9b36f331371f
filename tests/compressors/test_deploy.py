"""ONNX Runtime gives the image of torch, whatever the network and the batch."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from compressors.deploy import INPUT, export_onnx
from search_spaces.build import build
from search_spaces.config import Network
from search_spaces.genotype import Genotype
from search_spaces.shape import Shape

SHAPE = Shape(shots=3, samples=501, receivers=33, nz=65, nx=67)
NETWORKS = {
    "nasunet": Network(genotype=Genotype.random(Network(depth=3, width=4, nodes=3, fold=2), 3).to_json()),
    "unet": Network(model="unet", width=4, depth=3, fold=2),
    "unet_small": Network(model="unet_small", parameters=20_000, depth=3, fold=1),
    "resunet34": Network(model="resunet34"),
    "denseunet": Network(model="denseunet"),
    "inversionnet": Network(model="inversionnet"),
}


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_onnx_runtime_gives_the_image_of_torch_for_any_batch(network: Network, tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = build(network, SHAPE, 0.02)
    x_BSTR = 0.02 * torch.randn(3, SHAPE.shots, SHAPE.samples, SHAPE.receivers)
    with torch.no_grad():
        net(x_BSTR)  # moves the running statistics
        wanted = net.eval()(x_BSTR).numpy()
    export_onnx(net, SHAPE, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    for batch in (1, 3):
        (image,) = session.run(None, {INPUT: x_BSTR[:batch].numpy()})
        np.testing.assert_allclose(image, wanted[:batch], atol=1e-4, rtol=0)
