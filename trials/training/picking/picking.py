"""Training of a picker: classifies, for each trace, the row of its first break.

    loss = − Σ_n q(n) log softmax(logits)(n),    q ∝ exp(−(n − label)² / 2 width²)

averaged over the traces that have a label.  A trace that breaks outside the window has the label infinity, and q is the
same for all rows: nothing is likely, so that the confidence of a pick is low.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from datagen.errors import InputError
from search_spaces.picks import sample_to_row
from trials.training.transferring.pretrained import read_weights


def pick_loss(logits_B1NR: Tensor, labels_BR: Tensor, samples: int, width: float) -> Tensor:
    """Cross-entropy with a Gaussian of `width` samples around each label; zero if no trace has one."""
    rows = logits_B1NR.shape[2]
    known_BR, within_BR = ~torch.isnan(labels_BR), torch.isfinite(labels_BR)
    label_BR = sample_to_row(torch.where(within_BR, labels_BR, 0.0), samples, rows)
    row_N1 = torch.arange(rows, device=logits_B1NR.device)[:, None]
    narrow = -0.5 * ((row_N1 - label_BR[:, None]) / (width * rows / samples)) ** 2 * within_BR[:, None]
    log_share_BNR = logits_B1NR[:, 0].float().log_softmax(1)
    loss_BR = -(narrow.softmax(1) * log_share_BNR).sum(1)
    return loss_BR[known_BR].sum() / known_BR.sum().clamp_min(1)


def start_from(network: nn.Module, file: str) -> None:
    """Loads all weights of `network` from a finished run.  Raises InputError: not of the same network."""
    weights, own = read_weights(Path(file)), network.state_dict()
    wrong = [name for name in own if name not in weights or weights[name].shape != own[name].shape]
    if wrong:
        raise InputError(
            f"picking.start: {len(wrong)} of the network's {len(own)} tensors are not in {file} in the same shape "
            f"({', '.join(wrong[:3])}, …); give weights of the same network, or use network.encoder_init"
        )
    network.load_state_dict({name: weights[name] for name in own})
