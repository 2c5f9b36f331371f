"""InversionNet (Wu & Lin 2019) as OpenFWI published it (Deng et al. 2022): records to a code of one pixel and back.

    encoder    T × R  ─ 4 × time halved ─ 3 × both halved ─ kernel over all that remains ─►  512 × 1 × 1
    decoder    512 × 1 × 1  ─ kernel ⌈Z/16⌉ × ⌈X/16⌉ ─ 4 × both doubled ─ cropped ─►  32 × Z × X

For records of 1000 × 70, five shots and sections of 70 × 70 it is the published network, layer by layer; other sizes
change only the number of shots, the encoder's last and the decoder's first kernel.  These two grow with the geometry.
The layers are those of github.com/lanl/OpenFWI (BSD 3-Clause), rewritten.
"""

import torch
from torch import Tensor, nn

from search_spaces.fronts.survey_front import KNEE
from search_spaces.networks.contract import Features, ImagingNetwork
from search_spaces.shape import Shape

SLOPE = 0.2  # of the leaky ReLU
CODE = 512
HALVINGS = 7  # of time; distance is halved in the last three of them
DOUBLINGS = 4

Size = tuple[int, int]


class Amplitudes(Features):
    """Raw shots `[B, S, T, R]` at a common scale, in the same shape: asinh(shots / (KNEE · shot_scale)).

    It replaces the logarithm that OpenFWI takes of its data.  `shot_scale` as in `SurveyFront`.
    """

    shot_scale: Tensor

    def __init__(self, shots: int, shot_scale: float) -> None:
        super().__init__()
        self.channels = shots
        self.register_buffer("shot_scale", torch.tensor(shot_scale, dtype=torch.float32))

    def forward(self, shots_BSTR: Tensor) -> Tensor:
        with torch.autocast(shots_BSTR.device.type, enabled=False):  # the range of half floats is too small
            return torch.asinh(shots_BSTR / (KNEE * self.shot_scale))


class RecordEncoder(nn.Module):
    """Records `[B, S, T, R]` → a list of one code, `[B, 512, 1, 1]`: there are no skips."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        last = (-(-shape.samples // 2**HALVINGS), -(-shape.receivers // 2**3))
        self.layers = nn.Sequential(
            _convolution(shape.shots, 32, (7, 1), stride=(2, 1)),
            *_halving(32, 64, (3, 1), (2, 1)),
            *_halving(64, 64, (3, 1), (2, 1)),
            *_halving(64, 128, (3, 1), (2, 1)),
            *_halving(128, 128, (3, 3), (2, 2)),
            *_halving(128, 256, (3, 3), (2, 2)),
            *_halving(256, 256, (3, 3), (2, 2)),
            _convolution(256, CODE, last, padding=(0, 0)),
        )

    def forward(self, shots_BSTR: Tensor) -> list[Tensor]:
        return [self.layers(shots_BSTR)]


class SectionDecoder(nn.Module):
    """The code → `[B, 32, Z, X]`, the middle of the doubled map."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.size = (shape.nz, shape.nx)
        first = (-(-shape.nz // 2**DOUBLINGS), -(-shape.nx // 2**DOUBLINGS))
        before, after = (CODE, 256, 128, 64), (256, 128, 64, 32)
        self.layers = nn.Sequential(
            *_transposed(CODE, CODE, first, padding=0),
            *(layer for given, wanted in zip(before, after, strict=True) for layer in _transposed(given, wanted)),
        )

    def forward(self, features: list[Tensor]) -> Tensor:
        (code,) = features
        x: Tensor = self.layers(code)
        top, left = ((have - want) // 2 for have, want in zip(x.shape[-2:], self.size, strict=True))
        return x[..., top : top + self.size[0], left : left + self.size[1]]


class InversionNet(ImagingNetwork):
    """24 million parameters for the published geometry."""

    def __init__(self, shape: Shape, shot_scale: float) -> None:
        super().__init__(Amplitudes(shape.shots, shot_scale), RecordEncoder(shape), SectionDecoder(shape), 32)
        self.head = nn.Sequential(nn.Conv2d(32, 1, 3, padding=1), nn.BatchNorm2d(1), nn.Tanh())  # the published one


def _convolution(
    given: int, wanted: int, kernel: Size, *, stride: Size = (1, 1), padding: Size | None = None
) -> nn.Sequential:
    """Convolution, batch norm, leaky ReLU; padded by half the kernel by default."""
    half = (kernel[0] // 2, kernel[1] // 2)
    return nn.Sequential(
        nn.Conv2d(given, wanted, kernel, stride, half if padding is None else padding),
        nn.BatchNorm2d(wanted),
        nn.LeakyReLU(SLOPE, inplace=True),
    )


def _halving(given: int, wanted: int, kernel: Size, stride: Size) -> tuple[nn.Sequential, nn.Sequential]:
    return _convolution(given, wanted, kernel, stride=stride), _convolution(wanted, wanted, kernel)


def _transposed(
    given: int, wanted: int, kernel: Size = (4, 4), padding: int = 1
) -> tuple[nn.Sequential, nn.Sequential]:
    up = nn.Sequential(
        nn.ConvTranspose2d(given, wanted, kernel, stride=2, padding=padding),
        nn.BatchNorm2d(wanted),
        nn.LeakyReLU(SLOPE, inplace=True),
    )
    return up, _convolution(wanted, wanted, (3, 3))
