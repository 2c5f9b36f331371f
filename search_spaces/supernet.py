"""The space that is searched: a NasUnet with every candidate operation on every edge, as NNI wants it.

    edge(x) = Σ_op softmax(α)_op · op(x)      one α an edge, the same in all cells of a kind

The only file here that imports nni: what it finds leaves it as a Genotype, and NasUnet is plain torch.
"""

from collections.abc import Iterator
from typing import Any

import torch
from nni.nas.nn.pytorch import LayerChoice, ModelSpace
from torch import Tensor, nn

from search_spaces.cells import Edge
from search_spaces.config import Network
from search_spaces.front import Front
from search_spaces.genotype import edge_label
from search_spaces.nas_unet import CellUnet
from search_spaces.primitives import OPERATIONS, SETS
from search_spaces.shape import Shape


class NasUnetSpace(ModelSpace):  # type: ignore[misc]
    """Works with NNI's one-shot strategies DARTS, GumbelDARTS, Proxyless and RandomOneShot.

    Depth, width and nodes are fixed: they are the outer choices, made by the experiment.
    """

    def __init__(self, network: Network, shape: Shape, shot_scale: float) -> None:
        super().__init__()
        self.network = CellUnet(
            Front(shape, shot_scale, network.fold),
            depth=network.depth,
            width=network.width,
            nodes=network.nodes,
            encoder=_choice("encoder", SETS[network.operations]),
            decoder=_choice("decoder", SETS[network.operations]),
        )

    def forward(self, shots_BSTR: Tensor) -> Tensor:
        image_B1ZX: Tensor = self.network(shots_BSTR)
        return image_B1ZX


def _choice(cell: str, names: tuple[str, ...]) -> Edge:
    def edge(node: int, source: int, channels: int) -> nn.Module:
        candidates = {name: OPERATIONS[name](channels) for name in names}
        choice: nn.Module = LayerChoice(candidates, label=edge_label(cell, node, source))
        return choice

    return edge


def probabilities(supernet: nn.Module) -> dict[str, dict[str, float]]:
    """Edge label → operation → softmax(α), of a supernet under a differentiable strategy; else empty.

    `supernet` is any module around it, such as the one that Lightning hands to callbacks.  NNI's own
    `export_probs` would draw a random sample under GumbelDARTS.
    """
    return {
        choice.label: dict(zip(choice.names, alpha.detach().softmax(-1).tolist(), strict=True))
        for choice, alpha in _alphas(supernet)
    }


def _alphas(supernet: nn.Module) -> Iterator[tuple[Any, torch.Tensor]]:
    for module in supernet.modules():
        if isinstance(module, LayerChoice) and hasattr(module, "_arch_alpha"):
            yield module, module._arch_alpha
