"""One-shot strategies for NNI that run only some candidates, or run all of them more cheaply.

    darts     y = Σ_i softmax(α)_i op_i(x)                                   first order (Liu et al. 2019)
    gumbel    y = op_i(x), i = argmax(α + g), with the gradient of softmax((α + g)/τ)_i   (GDAS, Dong & Yang 2019)
    parsec    A_k ~ p(A|α), k = 1 … K; each A_k is one path through the supernet          (Casale et al. 2019)
              ω_k = p(validation|A_k) / Σ_j p(validation|A_j)
              ascend α along Σ_k (ω_k - 1/K) ∇ log p(A_k|α),  the weights w along Σ_k ω_k ∇ log p(training|A_k, w)

parsec runs its paths one after the other: its memory is that of one child network, or less if the supernet recomputes
its cells.  The 1/K is a control variate: it changes the spread of that gradient, not its mean.
"""

from functools import reduce
from typing import Any

import torch
from nni.nas import strategy
from nni.nas.oneshot.pytorch.differentiable import (
    DartsLightningModule,
    GumbelDartsLightningModule,
    LinearTemperatureScheduler,
)
from nni.nas.oneshot.pytorch.supermodule.differentiable import DifferentiableMixedLayer, GumbelSoftmax
from torch import Tensor, nn
from torch.nn import functional

from search_spaces.cells.operations import Zero

Draw = dict[str, Tensor]
"""Label → Gumbel noise g; argmax(α + g) is a draw from softmax(α)."""


class MixedEdge(DifferentiableMixedLayer):  # type: ignore[misc]
    """The weighted sum of all candidates, as in NNI, but with a fifth to two fifths less kept for the gradient.

    One ReLU serves all candidates, and a candidate's weight is folded into its last batch norm, which saves a product
    of whole maps.
    """

    def forward(self, x: Tensor) -> Tensor:
        rectified = functional.relu(x)
        weights = self._softmax(self._arch_alpha)
        pairs = [(weight, self[name]) for weight, name in zip(weights, self.names, strict=True)]
        terms = [_weighted(op, weight, x, rectified) for weight, op in pairs if not isinstance(op, Zero)]
        return reduce(torch.add, terms)


def _weighted(op: nn.Module, weight: Tensor, x: Tensor, rectified: Tensor) -> Tensor:
    """weight · op(x); an operation is a single module, or a sequence that ends with a batch norm."""
    if not isinstance(op, nn.Sequential):
        y: Tensor = weight * op(x)
        return y
    body, norm = list(op[:-1]), op[-1]
    assert isinstance(norm, nn.BatchNorm2d)
    if isinstance(body[0], nn.ReLU):
        body, x = body[1:], rectified
    for layer in body:
        x = layer(x)
    scale, shift = weight * norm.weight, weight * norm.bias
    return functional.batch_norm(x, norm.running_mean, norm.running_var, scale, shift, training=norm.training)


class PathEdge(DifferentiableMixedLayer):  # type: ignore[misc]
    """Runs only the drawn candidate."""

    def resample(self, memo: Draw) -> Draw:
        """Draws, unless `memo` has a draw already: cells of a kind take the same path."""
        alpha = self._arch_alpha
        noise = memo[self.label] if self.label in memo else -torch.empty_like(alpha.detach()).exponential_().log()
        self.drawn = int((alpha + noise).argmax())
        self.gate = None
        if isinstance(self._softmax, GumbelSoftmax) and alpha.requires_grad:
            soft = ((alpha + noise) / self._softmax.tau).softmax(-1)[self.drawn]
            self.gate = 1 + soft - soft.detach()
        return {self.label: noise}

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self[self.names[self.drawn]](x)
        return y if self.gate is None else y * self.gate


class InOrder(DartsLightningModule):  # type: ignore[misc]
    """Keeps α in the order of the network.

    NNI takes it from a set, in a different order in each process, so an optimiser that continues from a checkpoint
    would mix up the moments of different α.
    """

    def arch_parameters(self) -> list[nn.Parameter]:
        found = set(super().arch_parameters())
        return [parameter for parameter in self.parameters() if parameter in found]


class GumbelModule(InOrder, GumbelDartsLightningModule):  # type: ignore[misc]
    """NNI's own, with α in order."""


class ParsecModule(InOrder):
    """The steps of parsec; during warm-up, of one path drawn uniformly.

    All paths of a batch share what does not depend on the path: the training module's `prepare` computes it once per
    batch, and its `step` turns it into the loss.
    """

    def __init__(self, training_module: Any, *, architectures: int, **options: Any) -> None:
        super().__init__(training_module, **options)
        self.architectures = architectures

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        warm = self.trainer.current_epoch >= self.warmup_epochs
        draws: list[Draw] = [self.resample() for _ in range(self.architectures if warm else 1)]
        importance = self._architecture_step(draws, batch["val"]) if warm else torch.ones(1)
        loss = self._weight_step(draws, importance, batch["train"], batch_idx)
        self.advance_lr_schedulers(batch_idx)
        return loss

    def _go(self, draw: Draw) -> Tensor:
        """Sets all edges to the paths of `draw`; returns its log p(A|α)."""
        path = {}
        for edge in self.supernet_modules():
            edge.resample(memo=draw)
            path[edge.label] = edge._arch_alpha.log_softmax(-1)[edge.drawn]
        return torch.stack(list(path.values())).sum()

    def _architecture_step(self, draws: list[Draw], batch: Any) -> Tensor:
        losses, chances = [], []
        prepared = self.training_module.prepare(batch)
        for draw in draws:
            chances.append(self._go(draw))
            with torch.no_grad():
                losses.append(self.training_module.step(prepared))
        importance = importance_weights(torch.stack(losses))
        loss = -((importance - 1 / len(draws)) * torch.stack(chances)).sum()
        optimizer = self.architecture_optimizers()
        optimizer.zero_grad()
        self.manual_backward(loss)
        optimizer.step()
        return importance

    def _weight_step(self, draws: list[Draw], importance: Tensor, batch: Any, index: int) -> Tensor:
        """NNI's `advance_optimization`, with the paths' gradients summed."""
        (optimizer,) = (one for one in self.optimizers() if not getattr(one, "is_arch_optimizer", False))
        optimizer.zero_grad()
        total = torch.zeros(())
        prepared = self.training_module.prepare(batch)
        for draw, weight in zip(draws, importance, strict=True):
            self._go(draw)
            loss = weight * self.training_module.step(prepared)
            self.manual_backward(loss)
            total = total + loss.detach()
        self.training_module.configure_gradient_clipping(optimizer, self.gradient_clip_val, None)
        self.training_module.optimizer_step(self.trainer.current_epoch, index, optimizer)
        return total


def importance_weights(losses_K: Tensor) -> Tensor:
    """ω_k ∝ exp(-L_k/σ), Σ ω_k = 1: the likelihood under noise as large as the losses' own spread σ.

    With per-pixel noise, thousands of agreeing pixels would put all the weight on one path.
    """
    spread = losses_K.std(correction=0)
    return torch.softmax(-losses_K / (spread + 1e-12), dim=0)


class Darts(strategy.DARTS):  # type: ignore[misc]
    """NNI's DARTS with α in order."""

    def configure_oneshot_module(self, training_module: Any) -> DartsLightningModule:
        return InOrder(training_module, **self._options())

    def _options(self) -> dict[str, Any]:
        return {
            "arc_learning_rate": self.arc_learning_rate,
            "gradient_clip_val": self.gradient_clip_val,
            "warmup_epochs": self.warmup_epochs,
        }


class Gumbel(Darts):
    """NNI's GumbelDARTS with α in order; the temperature τ falls from 1 to 0.33."""

    def configure_softmax(self) -> nn.Module:
        softmax: nn.Module = GumbelSoftmax()
        return softmax

    def configure_oneshot_module(self, training_module: Any) -> DartsLightningModule:
        return GumbelModule(training_module, LinearTemperatureScheduler(1.0, 0.33), **self._options())


class Parsec(Darts):
    """`architectures` is K, the number of paths drawn for each step."""

    def __init__(self, *, architectures: int, **options: Any) -> None:
        super().__init__(**options)
        self.architectures = architectures

    def configure_oneshot_module(self, training_module: Any) -> ParsecModule:
        return ParsecModule(training_module, architectures=self.architectures, **self._options())
