"""The masked autoencoder: the network fills in hidden parts from their surroundings.

    x ─ rectangles set to zero ─ encoder ─ decoder ─ head ─► x̂,       loss = mean (x̂ − x)² where x was hidden

Pathak et al. 2016 (arXiv 1604.07379); with skips, an autoencoder that sees everything would learn nothing.
"""

from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.nn import functional

from search_spaces.build import network_behind
from search_spaces.networks.contract import SingleChannel
from trials.pretraining.gan_training import real_batch, step_generator
from trials.pretraining.pretrain_data import Samples
from trials.settings.config import Config
from trials.training.budget import OneCycle
from trials.training.module import raise_unless_finite

PATCH = (16, 4)  # time samples or depth rows, and traces or columns
WEIGHT_DECAY = 1e-4


class Autoencoding(pl.LightningModule):
    """Trains encoder, decoder and head; a batch of the trainer is the number of a step within its epoch."""

    def __init__(self, config: Config, samples: Samples) -> None:
        super().__init__()
        self.settings, self.seed, self.samples = config.pretrain, config.seed, samples
        self.network = network_behind(SingleChannel(), config.network)

    def training_step(self, number: int, index: int) -> Tensor:
        step = self.current_epoch * self.settings.epoch_steps + number
        draws = step_generator(self.seed, step)
        sample = real_batch(self.samples, self.settings.batch_size, draws)
        hidden = hide(sample, self.settings.mask, draws).to(self.device)
        sample = sample.to(self.device)
        painted = self.network(sample.masked_fill(hidden, 0.0)).float()
        loss = functional.mse_loss(painted[hidden], sample[hidden])
        raise_unless_finite({"hidden": loss}, "pretrain", self.current_epoch, "pretrain.learning_rate")
        self.log("train_hidden", loss.detach(), on_step=False, on_epoch=True, prog_bar=True, batch_size=len(sample))
        return loss

    def judge(self, seed: int = 0, most: int = 64) -> dict[str, float]:
        """`missed`: mean square error over the mean square of what was hidden; 1 is a guess of zero."""
        sample, hidden, painted = self._paint(most, seed)
        return {"missed": float((painted - sample)[hidden].square().mean() / sample[hidden].square().mean())}

    def pictures(self, count: int) -> Tensor:
        """Samples with the hidden parts as filled in by the network."""
        sample, hidden, painted = self._paint(count, 0)
        return torch.where(hidden, painted, sample)

    @torch.no_grad()
    def _paint(self, count: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
        """Samples, which parts are hidden, and the network's output."""
        draws = step_generator(seed, 0)
        sample = self.samples.values_N1ZX[torch.randperm(len(self.samples.values_N1ZX), generator=draws)[:count]]
        hidden = hide(sample, self.settings.mask, draws)
        self.network.eval()
        seen = sample.masked_fill(hidden, 0.0)
        painted = torch.cat([self.network(part.to(self.device)).float().cpu() for part in torch.split(seen, 64)])
        self.network.train()
        return sample, hidden, painted

    def configure_optimizers(self) -> Any:
        rate = self.settings.learning_rate
        optimizer = torch.optim.AdamW(self.network.parameters(), lr=rate, weight_decay=WEIGHT_DECAY)
        schedule = OneCycle(optimizer, rate, self.settings.epochs * self.settings.epoch_steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def hide(sample_B1ZX: Tensor, share: float, draws: torch.Generator) -> Tensor:
    """True on about `share` of each sample, in rectangles of PATCH; bool `[B, 1, Z, X]`."""
    (batch, _, nz, nx), (high, wide) = sample_B1ZX.shape, PATCH
    coarse = torch.rand(batch, 1, -(-nz // high), -(-nx // wide), generator=draws) < share
    return coarse.repeat_interleave(high, 2).repeat_interleave(wide, 3)[..., :nz, :nx]
