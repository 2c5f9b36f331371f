"""U-Nets on the trunk of a classifier, which can be pretrained on photographs.

    level      0           1       2        3        4        5
    size       Z × X       1/2     1/4      1/8      1/16     1/32
    resnet34   the front   64      64       128      256      512       channels; He et al. 2016
    densenet   the front   64      256      512      1024     1024      121 layers; Huang et al. 2017
    decoder    48          96      192      384      512

The trunks begin with a stride of two, so at level 0 the decoder sees the front's features.  An encoder's weights have
torchvision's names.
"""

import torch
from torch import Tensor, nn
from torchvision.models import DenseNet121_Weights, ResNet34_Weights, densenet121, resnet34

from search_spaces.networks.contract import Features, ImagingNetwork
from search_spaces.networks.unet import UNetDecoder

WIDTHS = [48, 96, 192, 384, 512]  # those of the reference U-Net, except the coarsest


class ResNet34Encoder(nn.Module):
    """`[B, C_in, Z, X]` → list of six `[B, channels[i], ⌈Z/2^i⌉, ⌈X/2^i⌉]`, fine to coarse."""

    imagenet_url: str = ResNet34_Weights.IMAGENET1K_V1.url

    def __init__(self, channels_in: int) -> None:
        super().__init__()
        self.channels = [channels_in, 64, 64, 128, 256, 512]
        trunk = resnet34(weights=None)
        self.conv1 = _first_convolution(channels_in)
        self.bn1, self.relu, self.maxpool = trunk.bn1, trunk.relu, trunk.maxpool
        self.layer1, self.layer2, self.layer3, self.layer4 = trunk.layer1, trunk.layer2, trunk.layer3, trunk.layer4

    def forward(self, x: Tensor) -> list[Tensor]:
        features = [x, self.relu(self.bn1(self.conv1(x)))]
        x = self.maxpool(features[-1])
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = layer(x)
            features.append(x)
        return features


class DenseNet121Encoder(nn.Module):
    """`[B, C_in, Z, X]` → list of six `[B, channels[i], ⌈Z/2^i⌉, ⌈X/2^i⌉]`, fine to coarse."""

    imagenet_url: str = DenseNet121_Weights.IMAGENET1K_V1.url

    def __init__(self, channels_in: int) -> None:
        super().__init__()
        self.channels = [channels_in, 64, 256, 512, 1024, 1024]
        self.features = densenet121(weights=None).features
        self.features.conv0 = _first_convolution(channels_in)
        for module in self.features.modules():
            if isinstance(module, nn.AvgPool2d):
                module.ceil_mode = True  # half, rounded up, as everywhere here

    def forward(self, x: Tensor) -> list[Tensor]:
        parts = self.features
        features = [x, parts.relu0(parts.norm0(parts.conv0(x)))]
        x = parts.pool0(features[-1])
        for block, transition in (
            (parts.denseblock1, parts.transition1),
            (parts.denseblock2, parts.transition2),
            (parts.denseblock3, parts.transition3),
        ):
            features.append(transition.relu(transition.norm(block(x))))
            x = transition.pool(transition.conv(features[-1]))
        features.append(torch.relu(parts.norm5(parts.denseblock4(x))))
        return features


class ResUNet34(ImagingNetwork):
    """33 million parameters, the size of Zhan et al. (2022)."""

    def __init__(self, front: Features) -> None:
        encoder = ResNet34Encoder(front.channels)
        super().__init__(front, encoder, UNetDecoder(encoder.channels, WIDTHS), WIDTHS[0])


class DenseUNet(ImagingNetwork):
    """25 million parameters, 7 of them in the encoder."""

    def __init__(self, front: Features) -> None:
        encoder = DenseNet121Encoder(front.channels)
        super().__init__(front, encoder, UNetDecoder(encoder.channels, WIDTHS), WIDTHS[0])


def _first_convolution(channels_in: int) -> nn.Conv2d:
    convolution = nn.Conv2d(channels_in, 64, 7, stride=2, padding=3, bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")  # as torchvision does
    return convolution
