"""A configuration becomes a network, or an error that tells what to do."""

from dataclasses import replace

import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from torch import nn

from datagen.errors import InputError
from search_spaces.build import build, count_parameters, nonzero_parameters
from search_spaces.config import Fold, Network
from search_spaces.fronts.survey_front import SurveyFront
from search_spaces.genotype import Genotype
from search_spaces.networks.nas_unet import NasUnet
from search_spaces.networks.unet import UNet
from search_spaces.shape import Shape

SHAPE = Shape(shots=2, samples=40, receivers=12, nz=16, nx=12)


def test_a_nasunet_has_the_size_of_its_genotype() -> None:
    genotype = Genotype.random(depth=3, width=8, nodes=2, operations="mobile", seed=0)
    net = build(Network(front=Fold(), depth=2, width=4, genotype=genotype), SHAPE, 1.0)
    assert isinstance(net, NasUnet)
    assert count_parameters(net) == count_parameters(NasUnet(genotype, SurveyFront(SHAPE, 1.0, Fold(fold=4))))


def test_a_unet_has_the_size_of_the_configuration() -> None:
    net = build(Network(front=Fold(fold=2), model="unet", depth=3, width=4), SHAPE, 1.0)
    assert isinstance(net, UNet)
    assert [level[0].out_channels for level in net.encoder.levels] == [4, 8, 16]


def test_a_nasunet_without_a_genotype_is_refused() -> None:
    with pytest.raises(InputError, match=r"network\.genotype.*got none.*network\.model"):
        build(Network(), SHAPE, 1.0)


def test_a_nasunet_with_a_wrong_genotype_is_refused() -> None:
    genotype = Genotype.random(depth=4, width=16, nodes=2, operations="small", seed=0)
    with pytest.raises(ValidationError, match=r"unknown operation '.*convolution'"):
        replace(Network(), genotype=genotype.to_json().replace("conv_3x3", "convolution"))


def test_nonzero_parameters_are_those_that_pruning_left() -> None:
    net = nn.Linear(3, 2)
    with torch.no_grad():
        net.weight.fill_(1.0)
        net.bias.copy_(torch.tensor([0.0, -1.0]))
    assert (count_parameters(net), nonzero_parameters(net)) == (8, 7)


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), float("inf")])
def test_shots_without_amplitude_are_refused(scale: float) -> None:
    with pytest.raises(InputError, match="must be above 0"):
        build(Network(front=Fold(), model="unet"), SHAPE, scale)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"model": "resnet"}, "'nasunet', 'unet', 'unet_small', 'resunet34', 'denseunet' or 'inversionnet'"),
        ({"model": "unet_small"}, "set network.parameters"),
        ({"model": "unet", "encoder_init": "imagenet"}, "for resunet34 and denseunet, not for unet"),
        ({"encoder_init": "Imagenet"}, "scratch, gan, autoencoder, imagenet or a file"),
    ],
)
def test_a_network_that_cannot_be_is_refused_with_what_can(fields: dict[str, str], told: str) -> None:
    with pytest.raises(ValidationError) as error:
        TypeAdapter(Network).validate_python(fields)
    assert told in str(error.value)
