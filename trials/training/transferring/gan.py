"""The two players: a discriminator on one of our encoders, and a generator on one of our decoders.

    sample [B, 1, Z, X] ─ encoder ─► maps, fine to coarse ─ coarsest ─ linear ─► logit [B]

                     ┌─ linear ─ batch norm ─ ReLU ──────► coarsest map ─┐
    latent [B, N] ───┤                                                  ├─ decoder ─ 1×1 ─ tanh ─► sample
                     └─ linear ─► a factor per channel · learned map ───┘ skips

Every convolution of the discriminator has spectral normalisation (Miyato et al. 2018, arXiv 1802.05957).  Batch norms
would let it compare the samples of a batch; so they take their statistics from the data once, before the training, and
are then fixed.
"""

from collections.abc import Iterator
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import spectral_norm

from search_spaces.networks.contract import ImagingNetwork


class Discriminator(nn.Module):
    """Logit that a sample is real; `data_B1ZX` are samples of the data to take the first statistics from."""

    def __init__(self, encoder: nn.Module, data_B1ZX: Tensor) -> None:
        super().__init__()
        self.encoder = encoder
        for module in encoder.modules():
            if isinstance(module, nn.Conv2d):
                spectral_norm(module)
        set_statistics(encoder, data_B1ZX)
        self.head = spectral_norm(nn.Linear(encoder(data_B1ZX[:1])[-1].numel(), 1))

    def forward(self, sample_B1ZX: Tensor) -> Tensor:
        logit_B1: Tensor = self.head(self.encoder(sample_B1ZX)[-1].flatten(1))
        return logit_B1[:, 0]

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        for norm in batch_norms(self.encoder):
            norm.eval()
        return self


class Generator(nn.Module):
    """Latent `[B, N]`, standard normal → samples `[B, 1, Z, X]` within ±`limit`.

    Uses decoder and head of `network`; its encoder only gives the shapes of the maps for samples of `size` (Z, X).
    """

    def __init__(self, network: ImagingNetwork, size: tuple[int, int], latent: int, limit: float) -> None:
        super().__init__()
        self.latent, self.limit = latent, limit
        was_training = network.training
        with torch.no_grad():
            maps = network.eval().encoder(torch.zeros(1, 1, *size))
        network.train(was_training)
        *fine, self.coarsest = [tuple(each.shape[1:]) for each in maps]
        self.enter = nn.Linear(latent, maps[-1].numel())
        self.norm = nn.BatchNorm2d(self.coarsest[0])
        self.skips = nn.ParameterList(torch.randn(1, *shape) for shape in fine)
        self.factors = nn.ModuleList(nn.Linear(latent, shape[0]) for shape in fine)
        self.decoder, self.head = network.decoder, network.head

    def forward(self, latent_BN: Tensor) -> Tensor:
        coarsest = torch.relu(self.norm(self.enter(latent_BN).unflatten(1, self.coarsest)))
        skips = [
            map_1CZX * factor(latent_BN)[..., None, None]
            for map_1CZX, factor in zip(self.skips, self.factors, strict=True)
        ]
        image: Tensor = self.head(self.decoder([*skips, coarsest]))
        return self.limit * torch.tanh(image)


def batch_norms(module: nn.Module) -> Iterator[nn.BatchNorm2d]:
    return (each for each in module.modules() if isinstance(each, nn.BatchNorm2d))


@torch.no_grad()
def set_statistics(encoder: nn.Module, data_B1ZX: Tensor) -> None:
    """Sets the batch norms to the statistics of these samples, layer after layer, and fixes them."""
    momenta = {norm: norm.momentum for norm in batch_norms(encoder)}
    for norm in momenta:
        norm.reset_running_stats()
        norm.momentum = None  # the average over all batches
    encoder.train()
    encoder(data_B1ZX)
    for norm, momentum in momenta.items():
        norm.momentum = momentum
        norm.eval()


@torch.no_grad()
def plain_encoder(discriminator: Discriminator, fresh: nn.Module, data_B1ZX: Tensor) -> nn.Module:
    """The discriminator's encoder without spectral normalisation: the same function, ready to be trained further.

    `fresh` is an encoder of the same architecture, which gets the weights.  (Parametrizations cannot be removed from
    a copy: torch would take them from the class that it shares with the original.)

    Its batch norms get the statistics of `data_B1ZX`, and weights and biases that make up for them,

        γ' = γ σ'/σ,   β' = β + γ (μ' − μ)/σ,

    so that it is the same function when a training normalises by the batch again.
    """
    trained = discriminator.eval().encoder
    state = {name: value for name, value in trained.state_dict().items() if ".parametrizations." not in name}
    for name, module in trained.named_modules():
        if parametrize.is_parametrized(module):
            state[f"{name}.weight"] = module.weight
    encoder = fresh.eval()
    encoder.load_state_dict(state)
    found: dict[nn.Module, tuple[Tensor, Tensor]] = {}

    def keep(norm: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        variance, mean = torch.var_mean(arguments[0], (0, 2, 3))
        found[norm] = mean, variance

    hooks = [norm.register_forward_pre_hook(keep) for norm in batch_norms(encoder)]
    encoder(data_B1ZX)
    for hook in hooks:
        hook.remove()
    for norm in batch_norms(encoder):
        assert norm.running_mean is not None
        assert norm.running_var is not None
        mean, variance = found[norm]
        slope = norm.weight / (norm.running_var + norm.eps).sqrt()
        norm.bias.add_(slope * (mean - norm.running_mean))
        norm.weight.copy_(slope * (variance + norm.eps).sqrt())
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
    return encoder
