"""The samples of pretraining, `[N, 1, Z, X]`, of one size and scale.

    gathers [T, R] ─ first `duration` ─ windows of `columns` receivers ─ GatherFront ─► [1, rows, columns], ±LIMIT
    velocity [z, x] ─ from [slowest, fastest] ────────────────────────────────────────► [1, z, x], ±1

The front is that of a network for single gathers (search_spaces/fronts/gather.py), so that the weights fit there.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from datagen.dataset import ShardDataset
from datagen.errors import InputError
from datagen.traces.gathers import read_gathers
from search_spaces.config import Gather
from search_spaces.fronts.gather import GatherFront
from trials.pretraining.gather_windows import broken_and_dead, too_few, unsuited, windows
from trials.settings.config import Config

LIMIT = 4.5  # of the front's output: 11 times the rms of a trace
AT_ONCE = 64  # windows


@dataclass(frozen=True, kw_only=True)
class Samples:
    """Samples, and the facts saved with the weights to make more of their kind."""

    values_N1ZX: Tensor  # within ±limit
    limit: float
    facts: dict[str, Any]  # source, and scaling and duration [s] of gathers, or velocity_min and velocity_max [m/s]

    @property
    def size(self) -> tuple[int, int]:
        return self.values_N1ZX.shape[-2], self.values_N1ZX.shape[-1]


def make_samples(config: Config, report: Callable[[str], object]) -> Samples:
    """The samples of `config.pretrain`; `report` gets a line on what was repaired or left out.

    Traces that are dead or hold NaN become zero; windows with more than half such traces are left out.

    Raises
    ------
    InputError
        A file cannot be read, has no sampling interval, has fewer receivers than `columns` (one trace is not a
        gather), or fewer than eight windows are left.  All such files are named together.
    """
    if config.pretrain.source == "velocity":
        return _velocity_models(config)
    return _gathers(config, report)


def _velocity_models(config: Config) -> Samples:
    dataset = ShardDataset(config.data.folder, "train", "velocity")
    chosen = _evenly(len(dataset), config.pretrain.samples)
    values = torch.stack([dataset[int(index)][1] for index in chosen])
    statistics = dataset.statistics
    facts = {
        "source": "velocity",
        "folder": config.data.folder,
        "velocity_min": statistics.velocity_min,
        "velocity_max": statistics.velocity_max,
        "spacing": config.data.grid.spacing,
    }
    return Samples(values_N1ZX=values, limit=1.0, facts=facts)


def _gathers(config: Config, report: Callable[[str], object]) -> Samples:
    pretrain, front = config.pretrain, config.network.front
    seen = front if isinstance(front, Gather) else pretrain.gather
    duration, columns = pretrain.duration, pretrain.columns
    seen_N: list[Tensor] = []
    repaired, dropped, wrong = Counter[str](), 0, dict[str, None]()
    for name, gathers_STR, given in _recordings(config):
        wrong |= dict.fromkeys(f"{name}: {problem}" for problem in unsuited([gathers_STR], given, columns))
        if wrong or given is None:
            continue
        interval = given
        duration = duration or gathers_STR.shape[1] * interval
        columns = columns or gathers_STR.shape[2]
        samples = max(2, round(duration / interval))
        if samples > gathers_STR.shape[1]:
            repaired[f"records of {name} that end before {1e3 * duration:g} ms, continued with silence"] += 1
        live_STR, silent_SR = _repaired(gathers_STR, repaired)
        live_STR = _cut(live_STR, samples)
        through = GatherFront(samples, seen.rows, seen.scaling)
        for part, alive_S in windows(silent_SR, columns):
            dropped += int((~alive_S).sum())
            window_S1TR = torch.from_numpy(live_STR[alive_S, None, :, part])
            seen_N += [through(each).clamp(-LIMIT, LIMIT) for each in torch.split(window_S1TR, AT_ONCE)]
    if wrong:
        raise InputError("\n".join(wrong))
    repaired["windows of mostly such traces, left out"] = dropped
    for what, count in repaired.items():
        if count:
            report(f"pretraining: {count} {what}")
    values_N1ZX = torch.cat(seen_N).contiguous() if seen_N else torch.empty(0)
    for problem in too_few(len(values_N1ZX)):
        raise InputError(f"pretraining: {problem}")
    chosen = _evenly(len(values_N1ZX), pretrain.samples)
    facts = {"source": pretrain.source, "scaling": seen.scaling, "duration": duration}
    return Samples(values_N1ZX=values_N1ZX[torch.from_numpy(chosen)], limit=LIMIT, facts=facts)


def _cut(gathers_STR: NDArray[np.float32], samples: int) -> NDArray[np.float32]:
    """The first `samples` of each record, zeros after its end."""
    missing = max(0, samples - gathers_STR.shape[1])
    return np.pad(gathers_STR[:, :samples], ((0, 0), (0, missing), (0, 0)))


def _repaired(
    gathers_STR: NDArray[np.float32], repaired: Counter[str]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The gathers with zeros in dead or broken traces, and a mask of these, `[S, R]`."""
    broken_SR, dead_SR = broken_and_dead(gathers_STR)
    repaired["dead traces, set to zero"] += int(dead_SR.sum())
    repaired["traces with values that are not finite, set to zero"] += int(broken_SR.sum())
    silent_SR = dead_SR | broken_SR
    return np.where(silent_SR[:, None], np.float32(0), gathers_STR), silent_SR


def _recordings(config: Config) -> Iterator[tuple[str, NDArray[np.float32], float | None]]:
    """Name, gathers [S, T, R] and sampling interval [s] of each file, or of each training model's shots."""
    pretrain = config.pretrain
    if pretrain.source == "shots":
        dataset = ShardDataset(config.data.folder, "train", config.target)
        wanted = -(-pretrain.samples // config.data.survey.shots)
        for index in _evenly(len(dataset), wanted):
            yield config.data.folder, dataset[int(index)][0].numpy(), config.data.survey.interval
        return
    for name in pretrain.gathers:
        gathers, interval = read_gathers(Path(name))
        for block_STR in [gathers] if isinstance(gathers, np.ndarray) else [each[None] for each in gathers]:
            yield name, block_STR, interval or pretrain.npy_interval


def _evenly(there: int, wanted: int) -> NDArray[np.int64]:
    """Indices of `wanted` of `there` items, or of all."""
    return np.unique(np.linspace(0, there - 1, min(there, wanted)).round().astype(np.int64))
