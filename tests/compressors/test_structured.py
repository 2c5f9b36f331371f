from dataclasses import replace

import pytest
import torch
from pydantic import ValidationError

from compressors.graphs.onnx_graph import Deployed, export_onnx
from compressors.structured import layer_widths, shrink
from compressors.verify import graph_latency
from datagen.errors import InputError
from datagen.targets import RtmImage
from search_spaces.build import build, count_parameters
from search_spaces.cells.operations import OPERATIONS
from search_spaces.config import Network, Stack
from search_spaces.genotype import Cell, Genotype
from search_spaces.narrow import layer_channels
from search_spaces.shape import Shape


@pytest.fixture(scope="module")
def shape(recipe):
    return Shape.of(recipe)


def nas_unet(seed: int, **changes: object) -> Network:
    spec = Network(**{"depth": 3, "width": 16, "front": Stack(fold=2), **changes})
    genotype = Genotype.random(
        depth=spec.depth, width=spec.width, nodes=spec.nodes, operations=spec.operations, seed=seed
    )
    return replace(spec, genotype=genotype)


SPECS = {
    "unet": Network(front=Stack(fold=2), model="unet", depth=3, width=16),
    "unet_small": Network(front=Stack(fold=2), model="unet_small", depth=3, parameters=40_000),
    "small cells": nas_unet(1, operations="small"),
    "mobile cells": nas_unet(2, operations="mobile"),
    "coarse cells": nas_unet(1, operations="small", front=Stack(fold=2, coarse=True)),
}


@pytest.mark.parametrize("name", SPECS)
def test_a_network_of_half_the_channels_is_built_again_bit_for_bit(shape, name):
    torch.manual_seed(0)
    spec = SPECS[name]
    network = build(spec, shape, 0.1)
    before = count_parameters(network)
    shrink(network, shape, 0.5)
    assert count_parameters(network) < 0.5 * before
    again = build(replace(spec, channels=layer_channels(network)), shape, 0.1)
    again.load_state_dict(network.state_dict())
    shots = torch.randn(2, shape.shots, shape.samples, shape.receivers)
    assert torch.equal(again.eval()(shots), network.eval()(shots))


@pytest.mark.parametrize("operation", [name for name in OPERATIONS if name not in ("u_fourier", "none")])
def test_every_operation_of_a_cell_can_lose_channels(shape, operation):
    spec = Network(front=Stack(fold=2), depth=2, width=16, nodes=1)
    cell: Cell = ((operation,),)
    genotype = Genotype(depth=2, width=16, nodes=1, encoder=cell, decoder=cell, down=operation, up=operation)
    network = build(replace(spec, genotype=genotype), shape, 0.1)
    shrink(network, shape, 0.5)
    assert network.head.in_channels == 8
    assert network(torch.zeros(1, shape.shots, shape.samples, shape.receivers)).shape == (1, 1, shape.nz, shape.nx)


@pytest.mark.parametrize("sparsity", [0.0, 0.3, 0.4, 0.9])
def test_steps_leave_as_many_channels_as_one_and_about_as_many_as_asked(shape, sparsity):
    dense = layer_widths(build(nas_unet(1, operations="small", width=12), shape, 0.1))
    left = []
    for steps in ([sparsity], [0.7 * sparsity, 0.96 * sparsity, sparsity]):
        network = build(nas_unet(1, operations="small", width=12), shape, 0.1)
        for step in steps:
            shrink(network, shape, step, dense)
        left.append(layer_widths(network))
    assert left[0] == left[1]
    for name, channels in left[0].items():
        wanted, block = (1 - sparsity) * dense[name], {1: 1, 12: 4, 24: 8, 36: 16}[dense[name]]
        assert channels % block == 0 or channels == dense[name]
        assert abs(channels - max(block, wanted)) <= block / 2


def test_a_pruned_network_still_learns(shape):
    network = build(SPECS["small cells"], shape, 0.1)
    shrink(network, shape, 0.5)
    network.train()(torch.randn(2, shape.shots, shape.samples, shape.receivers)).sum().backward()
    assert all(weight.requires_grad for weight in network.parameters())
    assert network.head.weight.grad is not None


def test_the_graph_of_a_pruned_network_is_smaller(shape, tmp_path):
    network = build(SPECS["unet"], shape, 0.1)
    export_onnx(Deployed(network, [RtmImage(scale=1.0)]), shape, tmp_path / "dense.onnx")
    shrink(network, shape, 0.5)
    export_onnx(Deployed(network, [RtmImage(scale=1.0)]), shape, tmp_path / "narrow.onnx")
    sizes = [(tmp_path / f"{name}.onnx").stat().st_size for name in ("dense", "narrow")]
    assert sizes[1] < sizes[0]
    assert graph_latency(tmp_path / "narrow.onnx", runs=1) > 0


def test_spectral_filters_are_refused_with_the_way_out(shape):
    genotype = Genotype(
        depth=2, width=16, nodes=1, encoder=(("u_fourier",),), decoder=(("skip",),), down="skip", up="skip"
    )
    network = build(Network(depth=2, width=16, nodes=1, genotype=genotype), shape, 0.1)
    with pytest.raises(InputError, match=r"compress\.pruner"):
        shrink(network, shape, 0.5)


@pytest.mark.parametrize(
    ("channels", "message"),
    [
        ([], "dictionary"),
        ("[]", "dictionary"),
        ("head: 4", "as JSON"),
        ({"head": [4, 1]}, "not the layers"),
        ({"head": [0, 1]}, "greater than 0"),
    ],
)
def test_channels_that_do_not_fit_are_refused(shape, channels, message):
    with pytest.raises((InputError, ValidationError), match=message):
        build(replace(SPECS["unet"], channels=channels), shape, 0.1)


def test_channels_that_do_not_fit_together_are_refused(shape):
    network = build(SPECS["unet"], shape, 0.1)
    channels = layer_channels(network)
    assert channels["head"] == (16, 1)
    with pytest.raises(InputError, match="fit together"):
        build(replace(SPECS["unet"], channels=channels | {"head": (8, 1)}), shape, 0.1)
    with pytest.raises(InputError, match="at most"):
        build(replace(SPECS["unet"], channels=channels | {"head": (32, 1)}), shape, 0.1)
