"""What a network is worth, in full precision as every benchmark has it, and what it costs."""

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from datagen.dataset import ShardDataset, loader
from trials.training.metrics import scores

BATCH = 32


@torch.no_grad()
def evaluate(network: nn.Module, targets: tuple[str, ...], folder: str, split: str) -> dict[str, float]:
    """The mean of each score by its target: velocity_ssim, rtm_mae …"""
    device = next(network.parameters()).device
    network.eval()
    rows: dict[str, list[Tensor]] = {}
    for batches in zip(*(loader(ShardDataset(folder, split, name), BATCH) for name in targets), strict=True):
        images_BCZX = network(batches[0][0].to(device))  # the shots are the same for all targets
        for channel, (name, (_, target_B1ZX)) in enumerate(zip(targets, batches, strict=True)):
            for score, value_B in scores(images_BCZX[:, channel : channel + 1], target_B1ZX.to(device)).items():
                rows.setdefault(f"{name}_{score}", []).append(value_B)
    return {name: float(torch.cat(values).mean()) for name, values in rows.items()}


def flops(network: nn.Module, folder: str) -> int:
    """Of one sample forwards: convolutions and matrix products."""
    shots_STR, _ = ShardDataset(folder, "test")[0]
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network.eval()(shots_STR[None].to(next(network.parameters()).device))
    return int(counter.get_total_flops())
