"""The two players of the GAN: parts of our networks, and what they leave of themselves."""

import pytest
import torch
from torch.nn.utils import parametrize

from search_spaces.build import network_behind
from search_spaces.config import Network
from search_spaces.genotype import Genotype
from search_spaces.networks.contract import SingleChannel
from trials.training.transferring.gan import Discriminator, Generator, batch_norms, plain_encoder

SIZE = (40, 24)
CELLS = Genotype.random(depth=3, width=4, nodes=2, operations="small", seed=1)
NETWORKS = {
    "unet": Network(model="unet", depth=3, width=4),
    "resunet34": Network(model="resunet34"),
    "nasunet": Network(model="nasunet", genotype=CELLS),
}


def network(name):
    torch.manual_seed(0)
    return network_behind(SingleChannel(), NETWORKS[name])


def data(count=12):
    return torch.randn(count, 1, *SIZE, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("name", NETWORKS)
def test_the_encoder_that_is_left_is_the_same_function_with_plain_weights(name):
    """In double precision: what single precision makes of a deep trunk depends on the processor."""
    values = data().double()
    discriminator = Discriminator(network(name).encoder, data()).eval().double()
    with torch.no_grad():
        for norm in batch_norms(discriminator.encoder):  # as after a training
            norm.weight.add_(0.1 * torch.rand_like(norm.weight))
            norm.bias.add_(0.1 * torch.rand_like(norm.bias))
        given = discriminator.encoder(values)
    left = plain_encoder(discriminator, network(name).encoder.double(), values)
    fresh = network(name).encoder.double()
    fresh.load_state_dict(left.state_dict())  # all names and shapes
    for mine, theirs in zip(fresh.eval()(values), given, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-4)


def test_normalised_by_its_batch_the_encoder_that_is_left_is_nearly_the_same_function_too():
    discriminator = Discriminator(network("unet").encoder, data(64)).eval()
    left = plain_encoder(discriminator, network("unet").encoder, data(64)).train()
    with torch.no_grad():
        for mine, theirs in zip(left(data(64)), discriminator.encoder(data(64)), strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-2, atol=1e-2)


def test_every_convolution_of_the_discriminator_has_a_largest_singular_value_of_one():
    discriminator = Discriminator(network("unet").encoder, data()).eval()
    found = 0
    for module in discriminator.modules():
        if parametrize.is_parametrized(module):
            norm = torch.linalg.matrix_norm(module.weight.flatten(1), 2).item()
            assert norm == pytest.approx(1, abs=0.05)
            found += 1
    assert found == 7  # two convolutions at each of three levels, and the head


def test_a_sample_is_judged_alone_whatever_else_is_in_the_batch():
    discriminator = Discriminator(network("unet").encoder, data()).train()
    with torch.no_grad():
        for _ in range(50):  # the singular vectors settle
            discriminator(data())
        torch.testing.assert_close(discriminator(data())[:2], discriminator(data(2)), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_generator_makes_samples_of_the_size_of_the_data_within_the_limit(name):
    generator = Generator(network(name), SIZE, 8, 3.0).train()
    samples = generator(10 * torch.randn(3, 8))
    assert samples.shape == (3, 1, *SIZE)
    assert samples.abs().max() <= 3
    assert set(generator.decoder.state_dict()) == set(network(name).decoder.state_dict())
