"""How long the networks of an experiment take where they will run: in ONNX Runtime on one thread, timed in turn.

Level pruning leaves a graph as it is, so networks of one shape share a time; what was measured stays in the run folder.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from compressors.graphs.onnx_graph import export_onnx
from compressors.verify import graph_latencies
from datagen.files.reading import read_json
from datagen.files.whole_files import whole
from trials.running.run_folder import RunFolder
from trials.settings.config import Config
from trials.training.networks import geometry, trained

FILE, KEY = "latency.json", "onnx_runtime_1_thread_ms"


def measured_latencies(runs: Sequence[RunFolder]) -> list[float]:
    """Of each finished run's network [ms]; measured once, all of them together so that none had a busier machine."""
    files = [run.path / FILE for run in runs]
    if not all(file.exists() for file in files):
        configs = [run.config for run in runs]
        first = {_shape(config): run for run, config in zip(runs, configs, strict=True)}
        times = dict(zip(first, _timed(list(first.values())), strict=True))
        for file, config in zip(files, configs, strict=True):
            with whole(file) as part:
                part.write_text(json.dumps({KEY: times[_shape(config)]}), encoding="utf-8")
    return [_read(file) for file in files]


def known_latency(folder: Path) -> float | None:
    """Of a run whose network has been timed [ms]."""
    file = folder / FILE
    return _read(file) if file.exists() else None


def _read(file: Path) -> float:
    milliseconds: float = read_json(file)[KEY]
    return milliseconds


def _shape(config: Config) -> str:
    """Equal for networks whose graphs differ in their numbers alone."""
    return repr((config.network, config.data.grid, config.data.survey, config.target))


def _timed(runs: Sequence[RunFolder]) -> list[float]:
    with TemporaryDirectory() as folder:
        graphs = []
        for number, run in enumerate(runs):
            shape, _ = geometry(run.config)
            graphs.append(Path(folder, f"{number}.onnx"))
            export_onnx(trained(run), shape, graphs[-1])
        return graph_latencies(graphs)
