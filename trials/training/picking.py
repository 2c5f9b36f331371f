"""Training of a picker: each trace asks in which row its first break is.

    loss = − Σ_n q(n) log softmax(logits)(n),    q ∝ exp(−(n − label)² / 2 width²)

averaged over the traces that have a label.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from datagen.dataset import loader
from datagen.errors import InputError
from search_spaces.picks import picks_of, row_of
from search_spaces.pretrained import read_weights
from trials.config import Config, Loss
from trials.training.gather_set import GatherSet
from trials.training.module import Batch, Imaging, raise_unless_finite
from trials.training.pick_scores import pick_scores


class Picking(Imaging):
    """Trains `network`: gather `[B, 1, T, R]` → logits `[B, 1, N, R]`; labels [B, R] are in samples."""

    def __init__(self, network: nn.Module, loss: Loss, *, width: float, interval: float, **options: Any) -> None:
        super().__init__(network, loss, **options)
        self.width, self.interval = width, interval  # [s] of the Gaussian, of a sample

    def training_step(self, batch: Batch, index: int) -> Tensor:
        gather_B1TR, labels_BR = batch
        samples = gather_B1TR.shape[2]
        logits_B1NR = self(gather_B1TR)
        terms = {"loss": pick_loss(logits_B1NR, labels_BR, samples, self.width / self.interval)}
        raise_unless_finite(terms, "training", self.current_epoch, "tune.learning_rate")
        logged = {"train_loss": terms["loss"].detach()}
        self.log_dict(logged, on_step=False, on_epoch=True, batch_size=len(labels_BR))
        return terms["loss"]

    def validation_step(self, batch: Batch, index: int) -> None:
        gather_B1TR, labels_BR = batch
        picks_BR = picks_of(self(gather_B1TR), gather_B1TR.shape[2])[:, 0]
        logged = {f"val_{name}": value[0] for name, value in pick_scores(picks_BR, labels_BR, self.interval).items()}
        self.log_dict(logged, on_epoch=True, batch_size=len(labels_BR))


def pick_loss(logits_B1NR: Tensor, labels_BR: Tensor, samples: int, width: float) -> Tensor:
    """Cross-entropy with a Gaussian of `width` samples around each label; zero where no trace has one."""
    rows = logits_B1NR.shape[2]
    known_BR = ~torch.isnan(labels_BR)
    label_BR = row_of(torch.nan_to_num(labels_BR), samples, rows)
    row_N1 = torch.arange(rows, device=logits_B1NR.device)[:, None]
    narrow = -0.5 * ((row_N1 - label_BR[:, None]) / (width * rows / samples)) ** 2
    log_share_BNR = logits_B1NR[:, 0].float().log_softmax(1)
    loss_BR = -(narrow.softmax(1) * log_share_BNR).sum(1)
    return loss_BR[known_BR].sum() / known_BR.sum().clamp_min(1)


@torch.no_grad()
def evaluate_picks(network: nn.Module, gathers: GatherSet) -> dict[str, float]:
    """Scores of all labelled traces together: mae_ms, median_ms, hit_k."""
    device = next(network.parameters()).device
    network.eval()
    picks, labels = [], []
    for gather_B1TR, labels_BR in loader(gathers, batch_size=32):
        picks.append(picks_of(network(gather_B1TR.to(device)), gather_B1TR.shape[2])[:, 0].cpu())
        labels.append(labels_BR)
    scores = pick_scores(torch.cat(picks), torch.cat(labels), gathers.interval)
    return {name: float(value) for name, value in scores.items()}


def images_only(config: Config, command: str) -> None:
    """Raises InputError for a configuration of pickers, which some commands do not know yet."""
    if config.target == "first_break":
        raise InputError(
            f"target: got first_break, {command} is for images (rtm, velocity); pickers have search, tune, compress, "
            "export and pick, see docs/picking.md"
        )


def start_from(network: nn.Module, file: str) -> None:
    """Gives all of `network` the weights of a finished run.  Raises InputError: not of this very network."""
    weights, own = read_weights(Path(file)), network.state_dict()
    wrong = [name for name in own if name not in weights or weights[name].shape != own[name].shape]
    if wrong:
        raise InputError(
            f"picking.start: {len(wrong)} of the network's {len(own)} tensors are not in {file} in the same shape "
            f"({', '.join(wrong[:3])}, …); give weights of the same network, or use network.encoder_init"
        )
    network.load_state_dict({name: weights[name] for name in own})
