"""What a migrating network sees of the shots of a data set, kept in half precision with the targets beside it.

Neither depends on the weights, so a long training computes them once: 150 kB a model instead of 700 kB of shots.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from datagen.dataset import ShardDataset
from datagen.shards.manifest import Statistics
from search_spaces.networks.migrating import MigratingNetwork

BATCH = 64
ARRAYS = ("level", "stacks", "target")


class Kept:
    """Of one split of one data set."""

    def __init__(self, folder: Path) -> None:
        self._level, self._stacks, self._target = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ARRAYS)

    def __len__(self) -> int:
        return len(self._level)

    def batch(self, rows: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
        """Levels [B, S, N, G], stacks [B, S·K, Z, X] and targets [B, 2, Z, X], float32."""
        level, stacks, target = (
            torch.from_numpy(np.ascontiguousarray(array[rows])).float()
            for array in (self._level, self._stacks, self._target)
        )
        return level, stacks, target


def mirror(batch: tuple[Tensor, Tensor, Tensor], chosen: Tensor) -> None:
    """Turns the chosen samples round in x, in place; the spread is symmetric."""
    level_BSNG, stacks_BCZX, target_B2ZX = batch
    level_BSNG[chosen] = level_BSNG[chosen].flip(1, 3)
    target_B2ZX[chosen] = target_B2ZX[chosen].flip(3)
    by_shot = stacks_BCZX.unflatten(1, (level_BSNG.shape[1], -1))
    by_shot[chosen] = by_shot[chosen].flip(1, 4)


@torch.no_grad()
def keep(network: MigratingNetwork, folder: str, split: str, statistics: Statistics, out: Path) -> Kept:
    """Those of `split` of the data set in `folder`, scaled with `statistics`; made if they are not there yet."""
    if not (out / f"{ARRAYS[-1]}.npy").exists():
        dataset = ShardDataset(folder, split, "both", statistics=statistics)
        out.mkdir(parents=True, exist_ok=True)
        files: dict[str, np.memmap] = {}
        for first in range(0, len(dataset), BATCH):
            shots_BSTR, target_B2ZX = dataset.__getitems__(range(first, min(first + BATCH, len(dataset))))
            level_BSNG = network.front.level(shots_BSTR)
            found = (level_BSNG, network.front.arrange(level_BSNG), target_B2ZX)
            for name, values in zip(ARRAYS, found, strict=True):
                if name not in files:
                    shape = (len(dataset), *values.shape[1:])
                    part = out / f"{name}.part.npy"
                    files[name] = np.lib.format.open_memmap(part, "w+", np.float16, shape)
                files[name][first : first + len(values)] = values.half().numpy()
        for name, file in files.items():
            file.flush()
            (out / f"{name}.part.npy").rename(out / f"{name}.npy")
    return Kept(out)
