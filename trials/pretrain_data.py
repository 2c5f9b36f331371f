"""What pretraining learns from: samples `[N, 1, Z, X]` of one size and scale.

gathers [T, R] ─ scale ─ resample to `interval` ─ first `rows` samples ─ windows of `columns` receivers ─► ±3
velocity [z, x] ─ from [slowest, fastest] ──────────────────────────────────────────────────────────────► ±1
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from datagen.dataset import ShardDataset
from datagen.errors import InputError
from datagen.gather_scaling import LIMIT, scale_gathers
from search_spaces.front import resampling_matrix
from trials.config import Config
from trials.npy_gathers import read_gathers

FEWEST = 8  # samples
LEAST_ALIVE = 0.5  # share of the traces of a window
SAME = 1e-3  # relative difference of two sampling intervals that count as one


@dataclass(frozen=True, kw_only=True)
class Samples:
    """Samples, and what must travel with the weights to make more of their kind."""

    values_N1ZX: Tensor  # within ±limit
    limit: float
    facts: dict[str, Any]  # source, and scaling and interval [s] of gathers, or velocity_min and velocity_max [m/s]

    @property
    def size(self) -> tuple[int, int]:
        return self.values_N1ZX.shape[-2], self.values_N1ZX.shape[-1]


def samples_of(config: Config, tell: Callable[[str], object]) -> Samples:
    """The samples of `config.pretrain`; `tell` gets a line on what was mended or left out.

    Traces that are dead or hold NaN become zero; windows of which more than half is so are left out.

    Raises
    ------
    InputError
        A file cannot be read, does not tell its sampling interval, has fewer receivers than `columns` (one trace is
        no gather), or fewer than eight windows are left.
    """
    if config.pretrain.source == "velocity":
        return _velocity_models(config)
    return _gathers(config, tell)


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


def _gathers(config: Config, tell: Callable[[str], object]) -> Samples:
    pretrain = config.pretrain
    windows: list[NDArray[np.float32]] = []
    dead = broken = dropped = 0
    interval, columns = pretrain.interval, pretrain.columns
    for name, gathers_STR, given in _recordings(config):
        if interval is None:  # the whole record of the first file
            interval = gathers_STR.shape[1] * given / pretrain.rows
        columns = columns or gathers_STR.shape[2]
        if gathers_STR.shape[2] < columns or columns < 2:
            raise InputError(
                f"{name}: a gather of {gathers_STR.shape[2]} traces; pretraining sees {max(columns, 2)} side by side: "
                "lower pretrain.columns, or leave this file out of pretrain.gathers"
            )
        if abs(given / interval - round(given / interval)) > SAME and given > interval:
            tell(f"{name}: sampled every {1e3 * given:g} ms, resampled to {1e3 * interval:g} ms")
        scaled = scale_gathers(gathers_STR, pretrain.scaling)
        dead, broken = dead + int(scaled.dead_SR.sum()), broken + int(scaled.broken_SR.sum())
        silent_SR = scaled.dead_SR | scaled.broken_SR
        rows_STR = resampled(scaled.gathers_STR, given, interval, pretrain.rows)
        for first in _window_starts(gathers_STR.shape[2], columns):
            part = slice(first, first + columns)
            alive_S = (~silent_SR[:, part]).mean(1) >= LEAST_ALIVE
            windows.extend(rows_STR[alive_S, :, part])
            dropped += int((~alive_S).sum())
    if dead + broken + dropped:
        tell(
            f"pretraining: {dead} dead traces and {broken} with values that are not finite were set to zero; "
            f"{dropped} windows of mostly such traces left out"
        )
    if len(windows) < FEWEST:
        raise InputError(
            f"pretraining: {len(windows)} usable gathers, at least {FEWEST} are needed; "
            "add files to pretrain.gathers, or see what is wrong with these"
        )
    values = np.stack([windows[index] for index in _evenly(len(windows), pretrain.samples)])[:, None]
    facts = {"source": pretrain.source, "scaling": pretrain.scaling, "interval": interval}
    return Samples(values_N1ZX=torch.from_numpy(values), limit=LIMIT, facts=facts)


def _recordings(config: Config) -> Iterator[tuple[str, NDArray[np.float32], float]]:
    """Name, gathers [S, T, R] and sampling interval [s] of each file, or of each training model's shots."""
    pretrain = config.pretrain
    if pretrain.source == "shots":
        dataset = ShardDataset(config.data.folder, "train", _any_target(config))
        wanted = -(-pretrain.samples // config.data.survey.shots)
        for index in _evenly(len(dataset), wanted):
            yield config.data.folder, dataset[int(index)][0].numpy(), config.data.survey.interval
        return
    for name in pretrain.gathers:
        gathers, interval = read_gathers(Path(name))
        if interval is None and pretrain.npy_interval is None:
            raise InputError(f"{name}: does not tell its sampling interval; set pretrain.npy_interval, in seconds")
        given = interval or pretrain.npy_interval
        assert given is not None
        for block_STR in [gathers] if isinstance(gathers, np.ndarray) else [each[None] for each in gathers]:
            yield name, block_STR, given


def _any_target(config: Config) -> str:
    return "velocity" if config.target == "velocity" else "rtm"


def resampled(gathers_STR: NDArray[np.float32], given: float, wanted: float, rows: int) -> NDArray[np.float32]:
    """`rows` samples `wanted` seconds apart of gathers sampled every `given` seconds, zeros after their end.

    What is above the new Nyquist frequency is taken out (`search_spaces.front.resampling_matrix`).
    """
    samples = gathers_STR.shape[1]
    if abs(given / wanted - 1) > SAME:
        steps = max(1, ceil((samples - 1) * given / wanted))
        whole = round(steps * wanted / given) + 1  # samples: the record made so long that `steps` fill it
        gathers_STR = np.pad(gathers_STR, ((0, 0), (0, max(0, whole - samples)), (0, 0)), mode="edge")
        matrix = resampling_matrix(gathers_STR.shape[1], steps + 1)
        gathers_STR = matrix.astype(np.float32) @ gathers_STR
    missing = max(0, rows - gathers_STR.shape[1])
    return np.pad(gathers_STR[:, :rows], ((0, 0), (0, missing), (0, 0)))


def _window_starts(receivers: int, columns: int) -> list[int]:
    """First receivers of the windows that cover a gather, overlapping as evenly as can be."""
    count = -(-receivers // columns)
    return [round(number * (receivers - columns) / max(1, count - 1)) for number in range(count)]


def _evenly(there: int, wanted: int) -> NDArray[np.int64]:
    """Indices of `wanted` of `there` items, or of all."""
    return np.unique(np.linspace(0, there - 1, min(there, wanted)).round().astype(np.int64))
