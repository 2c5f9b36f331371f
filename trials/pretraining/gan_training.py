"""The GAN game, on logits (Goodfellow et al. 2014, with the non-saturating generator loss).

    discriminator   softplus(−D(x)) + softplus(D(G(z))) + ½ r1 ‖∇D(x)‖²       binary cross entropy, R1
    generator       softplus(−D(G(z)))

R1 (Mescheder et al. 2018, arXiv 1801.04406) is computed every eighth step, eight times as strong (lazily, Karras et
al. 2020).  All draws of a step depend only on the seed and the step's number, so a training that continues from a
checkpoint ends with the same bits as an uninterrupted one.
"""

from copy import deepcopy
from dataclasses import asdict
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.nn.functional import softplus

from search_spaces.build import network_behind
from search_spaces.networks.contract import SingleChannel
from trials.pretraining.merit import merit
from trials.pretraining.pretrain_data import Samples
from trials.settings.config import Config
from trials.training.averaging import decay_after
from trials.training.module import raise_unless_finite
from trials.training.transferring.gan import Discriminator, Generator

BETAS = (0.5, 0.99)  # of Adam
R1_EVERY = 8  # steps
FIRST_STATISTICS = 128  # samples for the discriminator's batch norms


def step_generator(seed: int, step: int) -> torch.Generator:
    """The random stream of one training step."""
    return torch.Generator().manual_seed(int(np.random.SeedSequence([seed, step]).generate_state(1)[0]))


def real_batch(samples: Samples, size: int, draws: torch.Generator) -> Tensor:
    """Samples of the data `[B, 1, Z, X]`, half of them mirrored in x: a mirrored survey is one too."""
    chosen = torch.randint(len(samples.values_N1ZX), (size,), generator=draws)
    batch_B1ZX = samples.values_N1ZX[chosen]
    mirrored = torch.rand(size, generator=draws) < 0.5
    batch_B1ZX[mirrored] = batch_B1ZX[mirrored].flip(3)
    return batch_B1ZX


class GanTraining(pl.LightningModule):
    """Both players and the generator's moving average; a batch is the number of a step within its epoch."""

    def __init__(self, config: Config, samples: Samples) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.settings, self.seed, self.samples = config.pretrain, config.seed, samples
        first = samples.values_N1ZX[:: max(1, len(samples.values_N1ZX) // FIRST_STATISTICS)]
        self.discriminator = Discriminator(network_behind(SingleChannel(), config.network).encoder, first)
        network = network_behind(SingleChannel(), config.network)
        self.generator = Generator(network, samples.size, config.pretrain.latent, samples.limit)
        self.average = deepcopy(self.generator).requires_grad_(False).eval()

    def training_step(self, number: int, index: int) -> None:
        step = self.current_epoch * self.settings.epoch_steps + number
        draws = step_generator(self.seed, step)
        real = real_batch(self.samples, self.settings.batch_size, draws).to(self.device)
        latent = torch.randn(len(real), self.settings.latent, generator=draws).to(self.device)
        noise = self.settings.instance_noise
        real, blur = real + noise * _normal(real, draws), noise * _normal(real, draws)
        fake = self.generator(latent)
        by_discriminator, by_generator = self.optimizers()  # type: ignore[attr-defined]

        terms = self._discriminator_terms(real, (fake + blur).detach(), penalised=step % R1_EVERY == 0)
        by_discriminator.zero_grad()
        self.manual_backward(terms["discriminator"])
        by_discriminator.step()

        self.discriminator.requires_grad_(False)
        terms["generator"] = softplus(-self.discriminator(fake + blur).float()).mean()
        by_generator.zero_grad()
        self.manual_backward(terms["generator"])
        by_generator.step()
        self.discriminator.requires_grad_(True)

        self._follow(step)
        raise_unless_finite(terms, "pretrain", self.current_epoch, "pretrain.learning_rate")
        logged = {f"train_{name}": value.detach() for name, value in terms.items()}
        self.log_dict(logged, on_step=False, on_epoch=True, prog_bar=True, batch_size=len(real))

    def _discriminator_terms(self, real: Tensor, fake: Tensor, *, penalised: bool) -> dict[str, Tensor]:
        on_real, on_fake = self.discriminator(real).float(), self.discriminator(fake).float()
        loss = softplus(-on_real).mean() + softplus(on_fake).mean()
        terms = {"real": on_real.mean(), "fake": on_fake.mean()}
        if penalised and self.settings.r1 > 0:
            with torch.autocast(self.device.type, enabled=False):
                real = real.clone().requires_grad_()
                (slope,) = torch.autograd.grad(self.discriminator(real).sum(), real, create_graph=True)
            terms["slope"] = slope.square().sum((1, 2, 3)).mean()
            loss = loss + R1_EVERY * self.settings.r1 / 2 * terms["slope"]
        return terms | {"discriminator": loss}

    @torch.no_grad()
    def _follow(self, step: int) -> None:
        decay = decay_after(step, self.settings.ema)
        pairs = zip(self.average.state_dict().values(), self.generator.state_dict().values(), strict=True)
        for average, value in pairs:
            if average.is_floating_point():
                average.lerp_(value, 1 - decay)
            else:
                average.copy_(value)

    def judge(self, seed: int = 0, most: int = 64) -> dict[str, float]:
        """The generator's merit against the data (trials/pretraining/merit.py), on at most `most` samples."""
        order = torch.randperm(len(self.samples.values_N1ZX), generator=step_generator(seed, 0))
        return asdict(merit(self.draw(most, seed), self.samples.values_N1ZX[order[:most]]))

    def pictures(self, count: int) -> Tensor:
        return self.draw(count)

    @torch.no_grad()
    def draw(self, count: int, seed: int = 0) -> Tensor:
        """Samples of the averaged generator, `[count, 1, Z, X]`."""
        latent = torch.randn(count, self.settings.latent, generator=torch.Generator().manual_seed(seed))
        self.average.eval()
        return torch.cat([self.average(part.to(self.device)).float().cpu() for part in torch.split(latent, 64)])

    def configure_optimizers(self) -> Any:
        rate = self.settings.learning_rate
        return [
            torch.optim.Adam(player.parameters(), rate, betas=BETAS) for player in (self.discriminator, self.generator)
        ]


def _normal(like: Tensor, draws: torch.Generator) -> Tensor:
    return torch.randn(like.shape, generator=draws).to(like.device)
