"""Latency of the comparison's NasUnets beside the 17 M U-Net and ResUNet34: same runtime, threads, survey and input.

Untrained weights, which change nothing in speed; all networks in turn, round by round.
"""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import onnxruntime
import typer
from lib.record import made_by
from rich.console import Console

from compressors.bundles.untrained import untrained_bundle
from search_spaces.config import Network
from search_spaces.genotype import Genotype
from trials.prediction.bench_model import BIG, compare_bundles
from trials.settings.config import load

ROOT = Path(__file__).resolve().parents[1]
PARSEC: dict[str, Any] = {
    "encoder": [["sep_conv_3x3"], ["conv_3x3", "sep_conv_3x3"]],
    "decoder": [["skip"], ["sep_conv_3x3", "dil_conv_3x3"]],
    "down": "skip",
    "up": "sep_conv_3x3",
}
DRAWN: dict[str, Any] = {
    "encoder": [["dil_conv_3x3"], ["sep_conv_3x3", "none"]],
    "decoder": [["sep_conv_3x3"], ["skip", "dil_conv_3x3"]],
    "down": "skip",
    "up": "skip",
}


def searched(cells: dict[str, Any], width: int) -> Network:
    return Network(genotype=Genotype(depth=4, width=width, nodes=2, **cells))


NETWORKS = {
    "nasunet PARSEC": searched(PARSEC, 32),
    **{f"nasunet drawn {width}": searched(DRAWN, width) for width in (12, 16, 24, 32)},
    "nasunet fast": load(ROOT / "presets/openfwi_fast.yml").network,
    **BIG,
}


def page(record: dict[str, Any]) -> str:
    """The rows as Markdown."""
    text = "# Latency of exported networks\n\n"
    text += "".join(f"- {key}: `{value}`\n" for key, value in record.items() if key != "rows")
    text += "\nMedian over the rounds ± standard deviation, of one model; memory of a batch of 8.\n"
    text += "\n| network | parameters | 1 thread | 2 threads | models/s | memory | times as fast as UNet, 1 thread |\n"
    text += "|---" * 7 + "|\n"
    slowest = {row["model"]: row for row in record["rows"]}["UNet"]
    for row in record["rows"]:
        times = " | ".join(f"{row[f'latency_ms_{n}']:.1f} ± {row[f'latency_ms_{n}_std']:.1f} ms" for n in (1, 2))
        text += f"| {row['model']} | {row['parameters']:,} | {times} | {row['models_per_s']:.0f} "
        text += f"| {row['memory_mb']:.0f} MB | {slowest['latency_ms_1'] / row['latency_ms_1']:.1f} |\n"
    return text


def main(
    rounds: Annotated[int, typer.Option(min=1)] = 9,
    networks: Annotated[list[str] | None, typer.Option("--network", help="Beside UNet; repeatable.")] = None,
    output: Annotated[Path, typer.Option(help="Folder of the results.")] = ROOT / "benchmarks/results",
) -> None:
    """Measures in one go: rows of different runs of a busy machine could not be compared."""
    data = load(ROOT / "presets/openfwi.yml").data
    chosen = {name: spec for name, spec in NETWORKS.items() if not networks or name in (*networks, "UNet")}
    with TemporaryDirectory() as beside:
        folders = {}
        for number, (name, spec) in enumerate(chosen.items()):
            folders[name] = untrained_bundle(Path(beside) / str(number), spec, data, name=name.replace(" ", "-"))
            Console().log(f"exported {name}")
        rows = compare_bundles(folders, rounds=rounds)
    record = made_by(runtime=onnxruntime.__version__, rows=rows)
    output.mkdir(parents=True, exist_ok=True)
    (output / "latency.json").write_text(json.dumps(record, indent=1) + "\n")
    (output / "latency.md").write_text(page(record))
    Console().print(page(record))


if __name__ == "__main__":
    typer.run(main)
