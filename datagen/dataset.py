"""Shards as a torch data set: pairs of shots and normalised target, read batch by batch.

A batch is one copy out of the memory-mapped shards, widened to float32; `datagen.effects` are added to its shots on
request.  datagen/targets.py scales the targets.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, RandomSampler

from datagen.config import Data, Effects
from datagen.effects import Streams, check_effects, disturb, receiver_delays
from datagen.errors import InputError
from datagen.shards.manifest import Manifest, Statistics, load_manifest, open_array, stored_kinds
from datagen.targets import FirstBreak, RtmImage, Target, make_targets
from datagen.waves.positions import MIRROR_TOLERANCE, asymmetry

Batch = tuple[Tensor, Tensor]

NO_EFFECTS = Effects()


class ShardDataset(Dataset[Batch]):
    """One split of the data set in `folder`; the other splits cannot be reached through it.

    Samples are (shots [S, T, R], target [C, Z, X], a channel for each of `targets`, or, of first breaks, [S, R]),
    float32; shots as stored, with `effects` drawn from `seed` and `epoch`, which the training loop sets.  With `mirror`
    each sample is, with probability ½, mirrored in x: order of shots, of receivers, and target together.  Sources and
    receivers must lie symmetrically; rounded to grid nodes they may be a cell off.  The choice is drawn from torch's
    global generator.
    `manifest`: the folder's, if already read.  `statistics`: scales of the labels other than the data set's own.

    Raises InputError: no finished data set, unknown split or target, a target that the data set does not have,
    effects that do not fit the survey, a shard missing or truncated, `mirror` with an asymmetric survey.
    """

    def __init__(
        self,
        folder: str,
        split: str,
        target: str = "rtm",
        *,
        mirror: bool = False,
        effects: Effects = NO_EFFECTS,
        seed: int = 0,
        manifest: Manifest | None = None,
        statistics: Statistics | None = None,
    ) -> None:
        manifest = manifest or load_manifest(folder)
        self.statistics: Statistics = statistics or manifest.statistics
        self.targets: tuple[Target, ...] = make_targets(target, self.statistics)
        stored = stored_kinds(manifest.data)
        if missing := [each for each in self.targets if each.stored_as not in stored]:
            raise InputError(_without(folder, target, missing[0]))
        records = manifest.of_split(split)
        self.data: Data = manifest.data
        check_effects(effects, self.data)
        if mirror and asymmetry(self.data) > MIRROR_TOLERANCE:
            raise InputError(
                "training.mirror: got true, but the mirrored sources or receivers would lie "
                f"{asymmetry(self.data):.1f} cells off; set training.mirror to false, or make data.survey symmetric"
            )
        self.mirror, self.effects, self.seed, self.epoch = mirror, effects, seed, 0
        self._shots = [np.asarray(open_array(folder, self.data, record, "data")) for record in records]
        self._targets = [
            [np.asarray(open_array(folder, self.data, record, each.stored_as)) for record in records]
            for each in self.targets
        ]
        self._models = sum(record.shard.models for record in records)

    def __len__(self) -> int:
        return self._models

    def __getitem__(self, index: int) -> Batch:
        shots_BSTR, target = self.__getitems__([index])
        return shots_BSTR[0], target[0]

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """shots [B, S, T, R] and target [B, C, Z, X] or [B, S, R] of several samples."""
        wanted = np.asarray(indices)
        shots_BSTR = self._gather(self._shots, wanted)
        labels = [
            each.label(self._gather(shards, wanted)) for each, shards in zip(self.targets, self._targets, strict=True)
        ]
        target = torch.cat(labels, dim=1)
        if self.effects != NO_EFFECTS:
            shots_BSTR, target = self._disturb(shots_BSTR, target, indices)
        if self.mirror:
            chosen = torch.rand(len(wanted)) < 0.5
            shots_BSTR[chosen] = shots_BSTR[chosen].flip(1, 3)
            target[chosen] = target[chosen].flip((1, 2) if self._breaks else 3)
        return shots_BSTR, target

    def _gather(self, shards: list[NDArray[Any]], indices: NDArray[np.int64]) -> Tensor:
        """Rows of the shards as float32; only the last shard of a split can be short."""
        shard_B, row_B = np.divmod(indices, self.data.shard_size)
        rows = [shards[shard][row] for shard, row in zip(shard_B, row_B, strict=True)]  # views: nothing is read yet
        return torch.from_numpy(np.stack(rows)).float()  # torch widens float16 many times faster than numpy

    def _disturb(self, shots_BSTR: Tensor, target: Tensor, indices: Sequence[int]) -> Batch:
        survey, streams = self.data.survey, Streams(self.seed, self.epoch, indices)
        shots_BSTR = torch.from_numpy(disturb(shots_BSTR.numpy(), self.effects, survey.interval, streams))
        if self._breaks:  # the label moves with the trace
            target = target + torch.from_numpy(receiver_delays(self.effects, survey.receivers, streams))[:, None]
        return shots_BSTR, target

    @property
    def _breaks(self) -> bool:
        return isinstance(self.targets[0], FirstBreak)


def _without(folder: str, target: str, missing: Target) -> str:
    if isinstance(missing, FirstBreak):
        return (
            f"target: got 'first_break', the data set in {folder} has none; make another with data.first_breaks: "
            "true, in another data.folder"
        )
    if isinstance(missing, RtmImage):
        return (
            f"target: got {target!r}, the data set in {folder} was imported without images; set target to velocity, "
            "or import it again with --migrate"
        )
    return f"target: got {target!r}, the data set in {folder} was imported without models; import it with --models"


def loader(dataset: Dataset[Batch], batch_size: int, *, shuffle: bool = False, seed: int = 0) -> DataLoader[Batch]:
    """Batches (shots [B, S, T, R], target [B, 1, Z, X]) of a ShardDataset or a Subset of one.

    `seed` decides the order of all epochs when shuffled.  Shuffled batches are for training: a last batch of one
    sample is dropped, because batch norm needs a variance.
    """
    # The order has its own generator: workers draw from the DataLoader's too, at varying times.
    draws = torch.Generator().manual_seed(seed)
    order = RandomSampler(dataset, generator=draws) if shuffle else None  # type: ignore[arg-type]  # it has a length
    return DataLoader(
        dataset,
        batch_size,
        sampler=order,
        drop_last=shuffle and batch_size > 1 and len(dataset) % batch_size == 1,  # type: ignore[arg-type]
        generator=torch.Generator().manual_seed(seed),
        collate_fn=_as_it_is,  # `__getitems__` returns batches
    )


def _as_it_is(batch: Any) -> Any:
    return batch
