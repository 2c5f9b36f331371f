"""For the published geometry it is the published network; for others only what must change does."""

import pytest
import torch
from torch import Tensor, nn

from search_spaces.networks.inversion_net import InversionNet
from search_spaces.shape import Shape

OPENFWI = Shape(shots=5, samples=1000, receivers=70, nz=70, nx=70)

# Channels in and out, kernel, and the size behind the layer: the table of Deng et al. (2022) and their network.py.
PUBLISHED = [
    (5, 32, 7, 1, 500, 70),
    (32, 64, 3, 1, 250, 70),
    (64, 64, 3, 1, 250, 70),
    (64, 64, 3, 1, 125, 70),
    (64, 64, 3, 1, 125, 70),
    (64, 128, 3, 1, 63, 70),
    (128, 128, 3, 1, 63, 70),
    (128, 128, 3, 3, 32, 35),
    (128, 128, 3, 3, 32, 35),
    (128, 256, 3, 3, 16, 18),
    (256, 256, 3, 3, 16, 18),
    (256, 256, 3, 3, 8, 9),
    (256, 256, 3, 3, 8, 9),
    (256, 512, 8, 9, 1, 1),
    (512, 512, 5, 5, 5, 5),  # transposed, and so is every second one from here
    (512, 512, 3, 3, 5, 5),
    (512, 256, 4, 4, 10, 10),
    (256, 256, 3, 3, 10, 10),
    (256, 128, 4, 4, 20, 20),
    (128, 128, 3, 3, 20, 20),
    (128, 64, 4, 4, 40, 40),
    (64, 64, 3, 3, 40, 40),
    (64, 32, 4, 4, 80, 80),
    (32, 32, 3, 3, 80, 80),
    (32, 1, 3, 3, 70, 70),
]


def layers(shape: Shape) -> list[tuple[int, ...]]:
    """The same six numbers of every convolution, in the order in which they run."""
    rows: list[tuple[int, ...]] = []

    def note(layer: nn.Module, _: object, output: Tensor) -> None:
        assert isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
        rows.append((layer.in_channels, layer.out_channels, *layer.kernel_size, *output.shape[-2:]))

    net = InversionNet(shape, 1.0).eval()
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            layer.register_forward_hook(note)
    assert net(torch.zeros(1, shape.shots, shape.samples, shape.receivers)).shape == (1, 1, shape.nz, shape.nx)
    return rows


def test_for_openfwi_it_is_the_published_network() -> None:
    assert layers(OPENFWI) == PUBLISHED


def test_for_openfwi_it_has_the_parameters_of_the_published_network() -> None:
    """Each convolution has a bias, and a batch norm with two numbers for each channel behind it."""
    weights = sum(given * wanted * rows * columns + 3 * wanted for given, wanted, rows, columns, *_ in PUBLISHED)
    with torch.device("meta"):
        net = InversionNet(OPENFWI, 1.0)
    assert sum(weight.numel() for weight in net.parameters()) == weights == 24_409_123


@pytest.mark.parametrize(
    "shape",
    [
        Shape(shots=3, samples=501, receivers=33, nz=65, nx=67),
        Shape(shots=2, samples=60, receivers=9, nz=16, nx=16),
        Shape(shots=1, samples=800, receivers=64, nz=64, nx=64),
    ],
)
def test_for_another_geometry_only_the_shots_and_two_kernels_change(shape: Shape) -> None:
    found = [row[:4] for row in layers(shape)]
    wanted = [row[:4] for row in PUBLISHED]
    changed = [index for index, (a, b) in enumerate(zip(found, wanted, strict=True)) if a != b]
    assert set(changed) <= {0, 13, 14}
    assert found[0][1:] == wanted[0][1:]
    assert found[13] == (256, 512, -(-shape.samples // 128), -(-shape.receivers // 8))
    assert found[14] == (512, 512, -(-shape.nz // 16), -(-shape.nx // 16))


def test_the_section_is_cut_from_the_middle() -> None:
    decoder = InversionNet(Shape(shots=1, samples=130, receivers=9, nz=26, nx=28), 1.0).decoder
    decoder.layers = nn.Identity()
    whole = torch.arange(32.0 * 32).reshape(1, 1, 32, 32)
    assert torch.equal(decoder([whole]), whole[..., 3:29, 2:30])
