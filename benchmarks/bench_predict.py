"""Peak memory of `seisnas predict` against the number of models, with which it must not grow.

Shots of quickstart's survey lie in a sparse .npy of zeros; each count is imaged by a process of its own with an
untrained NasUnet, into .npy and, with --segy, into SEG-Y too.
"""

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
import typer
from lib.record import made_by
from numpy.lib.format import open_memmap
from rich.console import Console

from compressors.bundles.untrained import untrained_bundle
from search_spaces.config import Network
from search_spaces.genotype import Genotype
from search_spaces.shape import Shape
from trials.settings.config import load

ROOT = Path(__file__).resolve().parents[1]
CHILD = """
import json, re, sys, time
from trials.prediction.predict import predict
start = time.perf_counter()
predict(sys.argv[1], sys.argv[2], sys.argv[3:])
peak = int(re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())[1]) / 1024  # getrusage: parent's too
print(json.dumps({"peak_memory_mb": peak, "seconds": time.perf_counter() - start}))
"""


def measure(bundle: Path, shape: Shape, models: int, endings: list[str], scratch: Path) -> dict[str, Any]:
    """Peak memory and time of one process that images `models` models."""
    size = (models, shape.shots, shape.samples, shape.receivers)
    open_memmap(scratch / "shots.npy", mode="w+", dtype=np.float32, shape=size).flush()
    outputs = [str(scratch / f"image{ending}") for ending in endings]
    command = [sys.executable, "-c", CHILD, str(bundle), str(scratch / "shots.npy"), *outputs]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    input_mb = 4 * int(np.prod(size)) / 2**20
    return {"models": models, "outputs": endings, "input_mb": input_mb} | json.loads(done.stdout)


def page(record: dict[str, Any]) -> str:
    """The rows as Markdown."""
    text = "# Memory of a prediction\n\n"
    text += "".join(f"- {key}: `{value}`\n" for key, value in record.items() if key != "rows")
    text += "\nPeak resident memory of the whole process, its libraries included.\n"
    text += "\n| models | outputs | shots | peak memory | time |\n" + "|---" * 5 + "|\n"
    for row in record["rows"]:
        text += f"| {row['models']:,} | {', '.join(row['outputs'])} | {row['input_mb']:,.0f} MB "
        text += f"| {row['peak_memory_mb']:.0f} MB | {row['seconds']:.0f} s |\n"
    return text


def save(record: dict[str, Any], folder: Path) -> None:
    (folder / "predict.json").write_text(json.dumps(record, indent=1) + "\n")
    (folder / "predict.md").write_text(page(record))


def main(
    counts: Annotated[list[int] | None, typer.Option("--models", help="Repeatable.")] = None,
    segy: Annotated[bool, typer.Option("--segy", help="Write SEG-Y too.")] = False,
    output: Annotated[Path, typer.Option(help="Folder of the results.")] = ROOT / "benchmarks/results",
    scratch: Annotated[Path | None, typer.Option(help="Where the shots lie; the system's own if none.")] = None,
) -> None:
    """Measures; after a stop it continues where it left off."""
    data = load(ROOT / "presets/quickstart.yml").data
    shape = Shape.of(data)
    spec = Network(genotype=Genotype.random(depth=4, width=16, nodes=2, operations="small", seed=1))
    record = made_by(rows=[])
    output.mkdir(parents=True, exist_ok=True)
    if (output / "predict.json").exists():
        record["rows"] = json.loads((output / "predict.json").read_text())["rows"]
    endings = [".npy", ".sgy"] if segy else [".npy"]
    with TemporaryDirectory(dir=scratch) as folder:
        bundle = untrained_bundle(Path(folder) / "bundle", spec, data)
        for models in counts or [100, 1_000, 10_000]:
            if any((row["models"], row["outputs"]) == (models, endings) for row in record["rows"]):
                continue
            record["rows"].append(measure(bundle, shape, models, endings, Path(folder)))
            Console().log(record["rows"][-1])
            save(record, output)


if __name__ == "__main__":
    typer.run(main)
