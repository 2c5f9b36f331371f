"""What every network must do, whatever it is made of."""

from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from search_spaces.baselines import UNet
from search_spaces.build import count_parameters
from search_spaces.config import Network
from search_spaces.genotype import CELLS, Genotype, edges
from search_spaces.nas_unet import NasUnet
from search_spaces.primitives import OPERATIONS
from search_spaces.shape import Shape

SHOT_SCALE = 0.02


def every_operation(depth: int) -> Genotype:
    """A genotype in which all operations occur."""
    names = cycle(OPERATIONS)
    encoder, decoder = (tuple(tuple(next(names) for _ in range(node)) for node in (1, 2, 3, 4)) for _ in CELLS)
    return Genotype(
        depth=depth, width=4, nodes=4, fold=2, encoder=encoder, decoder=decoder, down="mbconv_e3_7x7", up="u_fourier"
    )


MODELS: dict[str, Callable[[Shape], nn.Module]] = {
    "nasunet": lambda shape: NasUnet(every_operation(2), shape, SHOT_SCALE),
    "nasunet-random": lambda shape: NasUnet(
        Genotype.random(Network(depth=2, width=6, nodes=2, fold=3), 1), shape, SHOT_SCALE
    ),
    "unet": lambda shape: UNet(width=4, depth=4, shape=shape, shot_scale=SHOT_SCALE, fold=2),
}

SHAPES = {
    "square": Shape(shots=2, samples=100, receivers=32, nz=32, nx=32),
    "openfwi": Shape(shots=2, samples=200, receivers=70, nz=70, nx=70),
    "odd": Shape(shots=3, samples=90, receivers=20, nz=33, nx=47),
}


def shots(shape: Shape, batch: int) -> Tensor:
    size = (batch, shape.shots, shape.samples, shape.receivers)
    return SHOT_SCALE * torch.randn(size, generator=torch.Generator().manual_seed(batch))


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> Callable[[Shape], nn.Module]:
    torch.manual_seed(0)
    return MODELS[request.param]


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_an_image_of_any_size_comes_out_and_every_weight_gets_a_gradient(
    model: Callable[[Shape], nn.Module], shape: Shape
) -> None:
    net = model(shape)
    image = net(shots(shape, 2))
    assert image.shape == (2, 1, shape.nz, shape.nx)
    assert image.dtype == torch.float32
    image.square().sum().backward()
    for name, weight in net.named_parameters():
        assert weight.grad is not None, name
        assert torch.isfinite(weight.grad).all(), name


def test_feature_maps_run_from_fine_to_coarse(model: Callable[[Shape], nn.Module]) -> None:
    shape = SHAPES["odd"]
    net = model(shape)
    sizes = [tuple(map_.shape[-2:]) for map_ in net.encoder(net.front(shots(shape, 2)))]
    wanted = [(shape.nz, shape.nx)]
    while len(wanted) < len(sizes):
        wanted.append(tuple(-(-n // 2) for n in wanted[-1]))
    assert sizes == wanted


def test_weights_saved_and_loaded_give_the_same_image(model: Callable[[Shape], nn.Module], tmp_path: Path) -> None:
    shape = SHAPES["odd"]
    first, second = model(shape), model(shape)
    first(shots(shape, 4))  # moves the running statistics
    torch.save(first.state_dict(), tmp_path / "weights.pt")
    second.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    x = shots(shape, 1)
    assert torch.equal(first.eval()(x), second.eval()(x))


def test_the_scale_of_the_shots_travels_with_the_weights(model: Callable[[Shape], nn.Module]) -> None:
    shape = SHAPES["square"]
    assert model(shape).state_dict()["front.shot_scale"] == pytest.approx(SHOT_SCALE)


def test_saved_weights_hold_nothing_that_the_shapes_tell(model: Callable[[Shape], nn.Module]) -> None:
    net = model(SHAPES["square"])
    known = {name for name, _ in net.named_parameters()}
    others = set(net.state_dict()) - known
    statistics = ("running_mean", "running_var", "num_batches_tracked")
    assert {name for name in others if not name.endswith(statistics)} == {"front.shot_scale"}


def test_onnx_runtime_gives_the_image_of_torch_for_any_batch(
    model: Callable[[Shape], nn.Module], tmp_path: Path
) -> None:
    shape = SHAPES["odd"]
    net = model(shape)
    net(shots(shape, 4))
    net.eval()
    file = tmp_path / "model.onnx"
    torch.onnx.export(
        net,
        (shots(shape, 2),),
        file,
        input_names=["shots"],
        output_names=["image"],
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        dynamo=True,
        opset_version=18,
        verbose=False,
    )
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    for batch in (1, 3):
        x = shots(shape, batch)
        with torch.no_grad():
            wanted = net(x).numpy()
        (image,) = session.run(None, {"shots": x.numpy()})
        np.testing.assert_allclose(image, wanted, atol=1e-4)


def test_the_layout_in_memory_does_not_change_the_image(model: Callable[[Shape], nn.Module]) -> None:
    shape = SHAPES["odd"]
    net = model(shape).eval()
    x = shots(shape, 2)
    usual = net(x)
    last = net.to(memory_format=torch.channels_last)(x)
    torch.testing.assert_close(usual, last, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("depth", "nodes"), [(3, 2), (4, 2), (3, 3)])
def test_dense_convolutions_on_every_edge_stay_below_700_000_parameters(depth: int, nodes: int) -> None:
    cell = tuple(("conv_3x3",) * node for node in range(1, nodes + 1))
    assert len(edges(nodes)) == sum(map(len, cell))
    genotype = Genotype(depth=depth, width=16, nodes=nodes, fold=4, encoder=cell, decoder=cell)
    shape = Shape(shots=5, samples=800, receivers=64, nz=64, nx=64)
    assert count_parameters(NasUnet(genotype, shape, 1.0)) < 700_000


def test_the_published_unet_has_17_million_parameters() -> None:
    shape = Shape(shots=5, samples=100, receivers=70, nz=70, nx=70)
    assert count_parameters(UNet(48, 5, shape, 1.0, 4)) == pytest.approx(17.4e6, rel=0.01)
