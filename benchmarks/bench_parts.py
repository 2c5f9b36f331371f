"""Latency of networks that migrate, part by part: the small one, and the 17 M U-Nets behind the same migration.

    python benchmarks/bench_parts.py

In each round each network in turn is loaded and run a few times: with ONNX Runtime's profiler, which gives the time
of each part (lib/graph_parts.py); the bundle's own graph without it; and through the `Imager` that users call, which
limits memory and checks the result.  Fresh in every round, because where its memory lies makes a network faster or
slower.  Figures are medians over the rounds.
"""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import onnxruntime
import typer
from bench_imaging import NETWORKS
from lib.graph_parts import PARTS, WARM, open_graph, tapped_graph, time_of_parts
from lib.record import RESULTS, ROOT, Record, Row
from lib.trained_imaging import trained_imaging
from numpy.typing import NDArray
from rich.console import Console

from compressors.bundles.bundle import load_bundle, write_bundle
from compressors.bundles.contents import ONNX
from compressors.bundles.untrained import STATISTICS, untrained_bundle
from compressors.graphs.onnx_graph import INPUT
from compressors.graphs.runner import Imager
from datagen.config import Data
from search_spaces.build import count_parameters
from search_spaces.shape import Shape
from trials.settings.config import load

WEIGHTS = RESULTS / "imaging" / "small_muon_200000_1.safetensors"
RUNS = 11  # of a network in a round, of which the median counts

Array = NDArray[np.floating]


def main(
    rounds: Annotated[int, typer.Option(min=2)] = 9,
    preset: Path = ROOT / "presets/openfwi.yml",
    weights: Annotated[Path, typer.Option(help="Of the small network; the U-Nets stay untrained.")] = WEIGHTS,
) -> None:
    data = load(preset).data
    with TemporaryDirectory() as beside:
        bundles = {name: write(Path(beside) / name, name, data, weights) for name in NETWORKS}
        tapped = {name: tapped_graph(bundle) for name, bundle in bundles.items()}
        parameters = {name: count_parameters(load_bundle(bundle).network) for name, bundle in bundles.items()}
        times: dict[str, list[list[float]]] = {name: [] for name in NETWORKS}
        Console().log("exported")
        for _ in range(rounds):
            for name, bundle in bundles.items():
                times[name].append(measure(bundle, tapped[name]))
    record = Record(
        "parts",
        "Latency of networks that migrate, by part",
        f"python benchmarks/bench_parts.py --rounds {rounds}",
        runtime=f"ONNX Runtime {onnxruntime.__version__}, one thread, the shots of one model, {RUNS} runs in a row",
        ms=f"median of {rounds} rounds, with half the width of the middle two thirds of them",
        parts="by the runtime's profiler: sums over the nodes, of each the median less the time of the fastest node, "
        "which is the profiler's own",
        whole="processor time without the profiler: on an idle machine as much time passes, on a busy one the waiting "
        "is left out. In both, others on the machine still take their share of caches and memory",
    )
    record.rows = []
    for name, each in times.items():
        for part in rows(np.array(each)):
            record.add({"network": name, "parameters": parameters[name]} | part)


def write(folder: Path, name: str, data: Data, weights: Path) -> Path:
    """A bundle of one of NETWORKS for both images; weights change nothing in its speed."""
    spec, shape = NETWORKS[name], Shape.of(data)
    if name != "small":
        return untrained_bundle(folder, spec, data, "both", name=name)
    return write_bundle(
        folder,
        trained_imaging(spec, weights, shape, STATISTICS.shot_scale),
        spec=spec,
        shape=shape,
        statistics=STATISTICS,
        target="both",
        data_recipe=data,
        scores={},
        name=name,
    )


def measure(bundle: Path, tapped: bytes) -> list[float]:
    """One round of one network [ms]: each of PARTS, the bundle's graph, the same through Imager."""
    imager, graph = Imager(bundle, threads=1), open_graph((bundle / ONNX).read_bytes())
    shape = imager.contents.shape
    noise_1STR = np.random.default_rng(0).standard_normal((1, shape.shots, shape.samples, shape.receivers))
    shots_1STR = (STATISTICS.shot_scale * noise_1STR).astype(np.float32)
    works: list[Callable[[], object]] = [partial(graph.run, None, {INPUT: shots_1STR}), partial(imager, shots_1STR)]
    return [*time_of_parts(tapped, shots_1STR, RUNS), *map(processor_ms, works)]


def processor_ms(work: Callable[[], object]) -> float:
    """Median of RUNS."""
    clock = [time.process_time()]
    for _ in range(WARM + RUNS):
        work()
        clock.append(time.process_time())
    return float(1e3 * np.median(np.diff(clock)[WARM:]))


def rows(times_RN: Array) -> list[Row]:
    """Of one network; `times_RN` as `measure` gives them, round by round."""
    found = [row(part, each_R) for part, each_R in zip(PARTS, times_RN.T, strict=False)]
    total = sum(each["ms"] for each in found)
    found = [each | {"share_percent": round(100 * each["ms"] / total, 1)} for each in found]
    *_, graph_R, called_R = times_RN.T
    ends = {
        "sum of the parts": times_RN[:, : len(PARTS)].sum(1),
        "the bundle's graph": graph_R,
        "the same through Imager": called_R,
    }
    return [*found, *(row(name, each_R) for name, each_R in ends.items())]


def row(part: str, times_R: Array) -> Row:
    low, high = np.quantile(times_R, (1 / 6, 5 / 6))
    return {"part": part, "ms": round(float(np.median(times_R)), 2), "ms_spread": round(float(high - low) / 2, 2)}


if __name__ == "__main__":
    typer.run(main)
