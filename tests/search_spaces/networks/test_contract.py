"""What every network must do, whatever it is made of."""

from collections.abc import Callable
from functools import partial
from itertools import cycle

import numpy as np
import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from search_spaces.build import build, count_parameters
from search_spaces.cells.operations import OPERATIONS
from search_spaces.config import Fold, Network, Stack
from search_spaces.fronts.survey_front import SurveyFront
from search_spaces.genotype import CELLS, Genotype, edges
from search_spaces.networks.nas_unet import NasUnet
from search_spaces.shape import Geometry, Shape

SHOT_SCALE = 0.02


def every_operation(depth: int) -> Genotype:
    """A genotype in which all operations occur."""
    names = cycle(OPERATIONS)
    encoder, decoder = (tuple(tuple(next(names) for _ in range(node)) for node in (1, 2, 3, 4)) for _ in CELLS)
    return Genotype(
        depth=depth, width=4, nodes=4, encoder=encoder, decoder=decoder, down="mbconv_e3_7x7", up="u_fourier"
    )


def spread(**sizes: int) -> Shape:
    """Sources and receivers even over the width, a record that reaches down to the last row."""
    sources, receivers = (np.linspace(0, sizes["nx"] - 1, sizes[kind]) for kind in ("shots", "receivers"))
    geometry = Geometry(
        sources=tuple(sources),
        receivers=tuple(receivers),
        source_depth=1.0,
        receiver_depth=1.0,
        onset=0.1 * sizes["samples"],
        slowness=(0.5 * sizes["samples"] / sizes["nz"], 0.3 * sizes["samples"] / sizes["nz"]),
    )
    return Shape(**sizes, geometry=geometry)


NETWORKS = {
    "nasunet": Network(genotype=every_operation(3)),
    "nasunet-random": Network(
        front=Stack(fold=3), genotype=Genotype.random(depth=2, width=6, nodes=2, operations="mobile", seed=1)
    ),
    "unet": Network(front=Fold(fold=2), model="unet", width=4, depth=4),
    "nasunet-coarse": Network(front=Stack(coarse=True, group=4), genotype=every_operation(3)),
    "unet-coarse": Network(front=Stack(coarse=True), model="unet", width=4, depth=3),
    "unet_small": Network(front=Stack(fold=1), model="unet_small", parameters=20_000, depth=3),
    "resunet34": Network(model="resunet34"),
    "denseunet": Network(model="denseunet"),
    "inversionnet": Network(model="inversionnet"),
}

SHAPES = {
    "square": spread(shots=2, samples=100, receivers=32, nz=32, nx=32),
    "openfwi": spread(shots=2, samples=200, receivers=70, nz=70, nx=70),
    "odd": spread(shots=3, samples=501, receivers=33, nz=65, nx=67),
}


def shots(shape: Shape, batch: int) -> Tensor:
    size = (batch, shape.shots, shape.samples, shape.receivers)
    return SHOT_SCALE * torch.randn(size, generator=torch.Generator().manual_seed(batch))


@pytest.fixture(params=NETWORKS)
def model(request: pytest.FixtureRequest) -> Callable[[Shape], nn.Module]:
    torch.manual_seed(0)
    return partial(build, NETWORKS[request.param], shot_scale=SHOT_SCALE)


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


@pytest.mark.parametrize("name", sorted(NETWORKS.keys() - {"inversionnet"}))  # which has no skips
def test_feature_maps_run_from_fine_to_coarse(name: str) -> None:
    shape = SHAPES["odd"]
    net = build(NETWORKS[name], shape, SHOT_SCALE)
    sizes = [tuple(map_.shape[-2:]) for map_ in net.encoder(net.front(shots(shape, 2)))]
    scale = 2 if name.endswith("coarse") else 1
    wanted = [(-(-shape.nz // scale), -(-shape.nx // scale))]
    while len(wanted) < len(sizes):
        wanted.append(tuple(-(-n // 2) for n in wanted[-1]))
    assert sizes == wanted


def test_weights_saved_and_loaded_give_the_same_image(model: Callable[[Shape], nn.Module]) -> None:
    shape = SHAPES["odd"]
    first, second = model(shape), model(shape)
    first(shots(shape, 4))  # moves the running statistics
    second.load_state_dict(load(save(first.state_dict())))
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
    genotype = Genotype(depth=depth, width=16, nodes=nodes, encoder=cell, decoder=cell)
    shape = Shape(shots=5, samples=800, receivers=64, nz=64, nx=64)
    assert count_parameters(NasUnet(genotype, SurveyFront(shape, 1.0, Fold(fold=2)))) < 700_000


OPENFWI = spread(shots=5, samples=1000, receivers=70, nz=70, nx=70)


@pytest.mark.parametrize(
    ("network", "millions"),
    [
        (Network(model="unet", width=48, depth=5), 17.4),
        (Network(model="resunet34"), 33.6),
        (Network(model="denseunet"), 25.5),
        (Network(model="inversionnet"), 24.4),
    ],
    ids=lambda value: getattr(value, "model", None),
)
def test_the_big_networks_have_the_size_they_were_published_with(network: Network, millions: float) -> None:
    with torch.device("meta"):  # counted, not made
        assert count_parameters(build(network, OPENFWI, 1.0)) == pytest.approx(1e6 * millions, rel=0.005)
