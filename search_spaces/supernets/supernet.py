"""The search space: a NasUnet with every candidate operation at every choice, in NNI's form.

    choice(x) = Σ_op softmax(α)_op · op(x)      one α per choice, the same in all cells of a kind

Only this file and strategies.py import nni: the result is a Genotype, and NasUnet is plain torch.
"""

from collections.abc import Iterator
from typing import Any

import torch
from nni.nas.nn.pytorch import LayerChoice, ModelSpace
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from datagen.errors import InputError
from search_spaces.cells.cells import Edge, Entrance
from search_spaces.cells.operation_sets import OperationSet
from search_spaces.cells.operations import OPERATIONS
from search_spaces.config import Network
from search_spaces.genotype import candidates_of_supernet, edge_label
from search_spaces.networks.contract import Features
from search_spaces.networks.nas_unet import CellUnet


class PartialChannels(nn.Module):
    """Only every `share`-th channel goes through the choice, the others bypass it (PC-DARTS, Xu et al. 2020).

    They are shuffled afterwards, so that the next choice sees other channels.
    """

    def __init__(self, choice: nn.Module, channels: int, share: int) -> None:
        super().__init__()
        self.choice = choice
        self.sizes = [channels // share, channels - channels // share]
        self.shuffle = nn.ChannelShuffle(share)

    def forward(self, x: Tensor) -> Tensor:
        chosen, others = torch.split(x, self.sizes, dim=1)
        mixed: Tensor = self.shuffle(torch.cat([self.choice(chosen), others], dim=1))
        return mixed


class Recomputed(nn.Module):
    """A cell that keeps only its input, and runs again for its gradient (Chen et al. 2016)."""

    def __init__(self, cell: nn.Module) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, *inputs: Tensor) -> Tensor:
        y: Tensor = checkpoint(self.cell, *inputs, use_reentrant=False)
        return y


class NasUnetSpace(ModelSpace):  # type: ignore[misc]
    """Works with the strategies of strategies.py and with NNI's DARTS, GumbelDARTS, Proxyless and RandomOneShot.

    Depth, width and nodes are fixed: they are the outer choices, made by the experiment.  With `share` above 1 the
    edges search on a part of their channels.  `recompute` needs the memory of one cell only, for a quarter more time.
    Raises InputError for a width that `share` does not divide.
    """

    def __init__(self, network: Network, front: Features, share: int = 1, *, recompute: bool = False) -> None:
        super().__init__()
        if network.width % share:
            raise InputError(
                f"search.partial_channels: got {share}, which does not divide the width {network.width} (search.width)"
            )
        self.network = CellUnet(
            front,
            depth=network.depth,
            width=network.width,
            nodes=network.nodes,
            encoder=_edge("encoder", network.operations, share),
            decoder=_edge("decoder", network.operations, share),
            down=_entrance("down", network.operations),
            up=_entrance("up", network.operations),
        )
        if recompute:
            parts: tuple[Any, ...] = (self.network.encoder, self.network.decoder)
            for part in parts:
                part.cells = nn.ModuleList(Recomputed(cell) for cell in part.cells)

    def forward(self, shots_BSTR: Tensor) -> Tensor:
        image_B1ZX: Tensor = self.network(shots_BSTR)
        return image_B1ZX


def _choice(label: str, operations: OperationSet, channels: int, stride: int = 1) -> nn.Module:
    known = {name: OPERATIONS[name](channels, stride) for name in candidates_of_supernet(label, operations)}
    choice: nn.Module = LayerChoice(known, label=label)
    return choice


def _edge(cell: str, operations: OperationSet, share: int) -> Edge:
    def edge(node: int, source: int, channels: int) -> nn.Module:
        choice = _choice(edge_label(cell, node, source), operations, channels // share)
        return choice if share == 1 else PartialChannels(choice, channels, share)

    return edge


def _entrance(label: str, operations: OperationSet) -> Entrance:
    return lambda channels, stride: _choice(label, operations, channels, stride)


def probabilities(supernet: nn.Module) -> dict[str, dict[str, float]]:
    """Label → operation → softmax(α), of a supernet under a strategy with α; otherwise empty.

    `supernet` is any module around it, such as the one Lightning passes to callbacks.  NNI's own `export_probs` would
    draw a random sample under GumbelDARTS.
    """
    return {
        choice.label: dict(zip(choice.names, alpha.detach().softmax(-1).tolist(), strict=True))
        for choice, alpha in _alphas(supernet)
    }


def log_probabilities(supernet: nn.Module) -> dict[str, dict[str, float]]:
    """Label → operation → log softmax(α)."""
    return {
        choice.label: dict(zip(choice.names, alpha.detach().log_softmax(-1).tolist(), strict=True))
        for choice, alpha in _alphas(supernet)
    }


def _alphas(supernet: nn.Module) -> Iterator[tuple[Any, torch.Tensor]]:
    for module in supernet.modules():
        if isinstance(module, LayerChoice) and hasattr(module, "_arch_alpha"):
            yield module, module._arch_alpha
