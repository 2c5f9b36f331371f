"""Checks that a bundle does what its network did; measures its speed and size."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from compressors.bundles.bundle import load_bundle
from compressors.bundles.contents import ONNX, PACKED, WEIGHTS
from compressors.graphs.runner import Imager
from compressors.graphs.session import GraphSession
from compressors.stopwatch import median_ms

ROUNDS = 5


@dataclass(frozen=True, kw_only=True)
class FileBytes:
    """Sizes in bytes.  Zeros cost as much as other weights unless packed."""

    onnx: int
    weights: int  # 0: a small bundle has the packed ones alone
    weights_packed: int  # weights.seisnas


def compare_onnx(folder: str | Path, shots_BSTR: NDArray[np.float32]) -> float:
    """Largest difference between ONNX Runtime and torch on these raw shots.

    As a share of the output's scale, its largest deviation from its mean.
    Raises InputError if the bundle is damaged.
    """
    bundle, imager = load_bundle(folder), Imager(folder)
    with torch.no_grad():
        expected = bundle.deployed(torch.from_numpy(shots_BSTR)).numpy()
    scale = float(np.abs(expected - expected.mean()).max()) or 1.0
    return float(np.abs(imager(shots_BSTR) - expected).max()) / scale


def latency(folder: str | Path, threads: int = 1, runs: int = 20) -> float:
    """Median time of one model's shots through ONNX Runtime on `threads` threads [ms]."""
    return batch_ms(Imager(folder, threads), 1, runs)


def batch_ms(imager: Imager, batch: int, runs: int) -> float:
    """Median time of the shots of `batch` models [ms]."""
    shape, scale = imager.contents.shape, imager.contents.statistics.shot_scale
    noise = np.random.default_rng(0).standard_normal((batch, shape.shots, shape.samples, shape.receivers))
    shots_BSTR = (scale * noise).astype(np.float32)
    return median_ms(lambda: imager(shots_BSTR), runs)


def file_bytes(folder: str | Path) -> FileBytes:
    """Sizes of a bundle's graph and weights, plain and packed."""
    plain = Path(folder) / WEIGHTS
    return FileBytes(
        onnx=(Path(folder) / ONNX).stat().st_size,
        weights=plain.stat().st_size if plain.exists() else 0,
        weights_packed=(Path(folder) / PACKED).stat().st_size,
    )


def graph_latency(onnx_file: Path, threads: int = 1, runs: int = 20) -> float:
    """As `latency`, of a graph outside a bundle [ms].  Raises InputError as `GraphSession`."""
    graph = GraphSession(onnx_file, threads)
    shots_BSTR = np.random.default_rng(0).standard_normal((1, *graph.ends[0])).astype(np.float32)
    return median_ms(lambda: graph(shots_BSTR), runs)


def graph_latencies(graphs: Sequence[Path], threads: int = 1) -> list[float]:
    """`graph_latency` of several, the fastest of ROUNDS; in turn, so that a busy minute slows all alike."""
    rounds = [[graph_latency(graph, threads) for graph in graphs] for _ in range(ROUNDS)]
    return [min(times) for times in zip(*rounds, strict=True)]
