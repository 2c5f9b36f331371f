"""A U-Net of searched cells: plain torch, given a genotype.

    front ─► cell ─────────────── skip ─────────────── cell ─► head      width       channels, Z × X
               └─► cell ───────── skip ───────── cell ─┘               2 · width     channels, half as large
                     └─► … cell ──────────────── … ──┘             depth · width     channels, coarsest

The U of cells is NAS-Unet's (Weng et al. 2019), as used for imaging by Zhan et al. (2022).  Channels grow linearly
with the scale instead of doubling, which keeps the network small.
"""

from torch import Tensor, nn

from search_spaces.cells.cells import DecoderCell, Edge, EncoderCell, Entrance
from search_spaces.cells.operations import OPERATIONS
from search_spaces.genotype import Cell, Genotype
from search_spaces.networks.contract import Features, ImagingNetwork


class CellEncoder(nn.Module):
    """One cell per scale: `[B, C_in, Z, X]` → list of `[B, channels[i], ⌈Z/2^i⌉, ⌈X/2^i⌉]`, fine to coarse."""

    def __init__(self, channels_in: int, channels: list[int], nodes: int, edge: Edge, down: Entrance) -> None:
        super().__init__()
        before = [channels_in, *channels[:-1]]
        self.cells = nn.ModuleList(
            EncoderCell(given, wanted, nodes, edge, down, stride=1 if scale == 0 else 2)
            for scale, (given, wanted) in enumerate(zip(before, channels, strict=True))
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        features = []
        for cell in self.cells:
            x = cell(x)
            features.append(x)
        return features


class CellDecoder(nn.Module):
    """One cell per scale except the coarsest: the encoder's list → `[B, channels[0], Z, X]`."""

    def __init__(self, channels: list[int], nodes: int, edge: Edge, up: Entrance) -> None:
        super().__init__()
        self.cells = nn.ModuleList(
            DecoderCell(channels[scale + 1], channels[scale], nodes, edge, up)
            for scale in reversed(range(len(channels) - 1))
        )

    def forward(self, features: list[Tensor]) -> Tensor:
        *skips, x = features
        for cell, skip in zip(self.cells, reversed(skips), strict=True):
            x = cell(x, skip)
        return x


class CellUnet(ImagingNetwork):
    """The U-Net whose cells have the edges of `encoder` and `decoder`, with `down` and `up` before them."""

    def __init__(
        self,
        front: Features,
        *,
        depth: int,
        width: int,
        nodes: int,
        encoder: Edge,
        decoder: Edge,
        down: Entrance,
        up: Entrance,
    ) -> None:
        channels = [width * (scale + 1) for scale in range(depth)]
        super().__init__(
            front,
            CellEncoder(front.channels, channels, nodes, encoder, down),
            CellDecoder(channels, nodes, decoder, up),
            channels[0],
        )


class NasUnet(CellUnet):
    """The network that a genotype describes."""

    def __init__(self, genotype: Genotype, front: Features) -> None:
        super().__init__(
            front,
            depth=genotype.depth,
            width=genotype.width,
            nodes=genotype.nodes,
            encoder=_found(genotype.encoder),
            decoder=_found(genotype.decoder),
            down=OPERATIONS[genotype.down],
            up=OPERATIONS[genotype.up],
        )


def _found(cell: Cell) -> Edge:
    return lambda node, source, channels: OPERATIONS[cell[node - 1][source]](channels)
