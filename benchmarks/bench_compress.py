"""What compression costs and saves, from the folder of a finished tune run.

    python benchmarks/bench_compress.py runs/openfwi/compare/8epochs/rtm/random_search/seed1 --seeds 2

    dense        the same fine-tuning without pruning: what more training alone would give
    level        zeros; file_bytes is weights.seisnas, every bit kept
    channel      narrower layers; latency of its ONNX graph
    int8         the graph with 8-bit convolutions, not fine-tuned; file_bytes is weights.seisnas of kind int8
    level_int8   level, then int8

Runs lie in compress/ of the tune run's folder; those that have finished are not done again.  Scores are of the test
split.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np
import torch
from lib.record import made_by
from numpy.typing import NDArray

from compressors.bundles.bundle import load_bundle
from compressors.bundles.contents import ONNX, PACKED
from compressors.bundles.packed import pack, rounded
from compressors.config import Compress
from compressors.graphs.quantize import quantize, run_graph
from compressors.verify import graph_latencies
from datagen.dataset import ShardDataset
from search_spaces.build import count_parameters, nonzero_parameters
from trials.results.export import export
from trials.running.channel import Channel
from trials.running.quiet import quiet_libraries
from trials.running.run_folder import RunFolder
from trials.stages.execute import execute
from trials.training.fit import evaluate
from trials.training.metrics import scores
from trials.training.networks import trained

RESULTS = Path(__file__).parent / "results"
LEVELS = (0.6, 0.8, 0.9)
CHANNELS = (0.3, 0.5)
CALIBRATION = 64  # training models
Row = dict[str, Any]


def recipes(arguments: argparse.Namespace) -> dict[str, Compress]:
    """Row name → how its network is made."""
    base = Compress(
        schedule="gradual",
        steps=arguments.steps,
        epochs=arguments.epochs,
        learning_rate=arguments.learning_rate,
        distil=arguments.distil,
    )
    found = {"dense 0": replace(base, sparsity=0.0)}
    found |= {f"level {level}": replace(base, sparsity=level, scope=arguments.scope) for level in LEVELS}
    return found | {f"channel {share}": replace(base, sparsity=share, pruner="channel") for share in CHANNELS}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="folder of a finished tune run")
    parser.add_argument("--seeds", type=int, default=2, help="fine-tunings of each row")
    parser.add_argument("--steps", type=int, default=3, help="of the gradual schedule")
    parser.add_argument("--epochs", type=int, default=2, help="of fine-tuning after each step")
    parser.add_argument("--learning-rate", type=float, default=2.0e-3)
    parser.add_argument("--distil", type=float, default=1.0, help="weight of the dense network's image in the loss")
    parser.add_argument("--scope", choices=["layer", "lamp"], default="lamp")
    parser.add_argument("--only", nargs="*", help="rows, for example 'level 0.8'")
    parser.add_argument("--results", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    quiet_libraries()
    source = RunFolder(arguments.source)
    folder = source.path / "compress"
    rows: list[Row] = []
    dense = _int8_row(source, evaluate(trained(source), source.config, "test")["ssim"], [source], "int8", 0.0)
    rows.append(dense)
    for name, recipe in recipes(arguments).items():
        if arguments.only and name not in arguments.only:
            continue
        runs = []
        for seed in range(1, 1 + arguments.seeds):
            run = RunFolder(folder / name.replace(" ", "-") / f"seed{seed}")
            config = replace(source.config, seed=seed, compress=recipe)
            if not run.finished or run.config.compress != recipe:
                execute("compress", config, run, Channel(), source=source)
            runs.append(run)
            kind, share = name.split()
            done = [_row(source, runs, kind, float(share), dense["dense_ssim"])]
            if kind == "level":
                done.append(_int8_row(source, dense["dense_ssim"], runs, "level_int8", float(share)))
            write(_without(rows, done) + done, source, arguments.results)
        rows += done
    _measure_latency(rows)
    write(rows, source, arguments.results)


def _without(rows: list[Row], new: list[Row]) -> list[Row]:
    names = {(row["kind"], row["sparsity"]) for row in new}
    return [row for row in rows if (row["kind"], row["sparsity"]) not in names]


def _bundle(run: RunFolder) -> Path:
    folder = run.path / "bundle"
    return folder if (folder / ONNX).exists() else export(run, folder)


def _row(source: RunFolder, runs: list[RunFolder], kind: str, share: float, dense: float) -> Row:
    tests = [evaluate(trained(run), run.config, "test")["ssim"] for run in runs]
    network, bundle = trained(runs[0]), _bundle(runs[0])
    return _common(kind, share, tests, dense) | {
        "parameters": count_parameters(network),
        "nonzero": nonzero_parameters(network),
        "file_bytes": (bundle / PACKED).stat().st_size,
        "onnx_bytes": (bundle / ONNX).stat().st_size,
        "graph": str(bundle / ONNX),
    }


def _int8_row(source: RunFolder, dense: float, runs: list[RunFolder], kind: str, share: float) -> Row:
    """Scored twice: `ssim` with 8-bit convolutions, `ssim_packed` with the 8-bit weights of the packed file alone."""
    tests, packed, graphs, sizes = [], [], [], []
    for run in runs:
        bundle = _bundle(run) if run is not source else export(run, source.path / "compress/source")
        graph, file = bundle.parent / "int8.onnx", bundle.parent / "int8.seisnas"
        if not graph.exists():
            quantize(bundle / ONNX, _shots(run, "train", CALIBRATION), graph)
        network = load_bundle(bundle).network
        state = network.state_dict()
        pack(state, file, "int8")
        network.load_state_dict(rounded(state, "int8"))
        packed.append(evaluate(network, run.config, "test")["ssim"])
        tests.append(_ssim_of_graph(run, graph))
        graphs.append(graph)
        sizes.append(file.stat().st_size)
    network = trained(runs[0])
    return _common(kind, share, tests, dense) | {
        "ssim_packed": fmean(packed),
        "parameters": count_parameters(network),
        "nonzero": nonzero_parameters(network),
        "file_bytes": sizes[0],
        "onnx_bytes": graphs[0].stat().st_size,
        "graph": str(graphs[0]),
    }


def _common(kind: str, share: float, tests: list[float], dense: float) -> Row:
    spread = stdev(tests) if len(tests) > 1 else None
    row: Row = {"kind": kind, "sparsity": share, "split": "test", "seeds": len(tests)}
    return row | {"ssim": fmean(tests), "ssim_std": spread, "ssim_each": tests, "dense_ssim": dense}


def _shots(run: RunFolder, split: str, count: int) -> NDArray[np.float32]:
    dataset = ShardDataset(run.config.data.folder, split, run.config.target)
    return np.stack([dataset[index][0].numpy() for index in range(min(count, len(dataset)))])


def _ssim_of_graph(run: RunFolder, graph: Path) -> float:
    dataset = ShardDataset(run.config.data.folder, "test", run.config.target)
    found = []
    for start in range(0, len(dataset), 8):
        pairs = [dataset[index] for index in range(start, min(start + 8, len(dataset)))]
        image = dataset.targets[0].normalise(run_graph(graph, np.stack([shots.numpy() for shots, _ in pairs])))
        found.append(scores(torch.from_numpy(image), torch.stack([target for _, target in pairs]))["ssim"])
    return float(torch.cat(found).mean())


def _measure_latency(rows: list[Row]) -> None:
    for row, milliseconds in zip(rows, graph_latencies([Path(row["graph"]) for row in rows]), strict=True):
        row["latency_ms_1"] = milliseconds


def write(rows: list[Row], source: RunFolder, results: Path) -> None:
    """compress.json, and compress.md to read."""
    record = made_by(commit=source.provenance["commit"])
    record["rows"] = [{key: value for key, value in row.items() if key != "graph"} for row in rows]
    results.mkdir(parents=True, exist_ok=True)
    (results / "compress.json").write_text(json.dumps(record, indent=1) + "\n")
    lines = ["# Compression", "", *(f"- {key}: {record[key]}" for key in ("command", "commit", "machine", "date"))]
    lines += ["- scores: of the test split, mean ± standard deviation over the seeds of fine-tuning", ""]
    lines += ["| kind | sparsity | SSIM | against dense | parameters | non-zero | file | 1 thread |", "|" + "---|" * 8]
    for row in rows:
        spread = f" ± {row['ssim_std']:.4f}" if row["ssim_std"] is not None else ""
        time = f"{row['latency_ms_1']:.2f} ms" if "latency_ms_1" in row else ""
        lines.append(
            f"| {row['kind']} | {row['sparsity']:g} | {row['ssim']:.4f}{spread} | "
            f"{row['ssim'] - row['dense_ssim']:+.4f} | {row['parameters']:,} | {row['nonzero']:,} | "
            f"{row['file_bytes'] / 1000:.0f} kB | {time} |"
        )
    (results / "compress.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
