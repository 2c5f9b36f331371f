"""The command `seisnas bench-model`: how fast a bundle is, and how much faster than the big networks."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from datagen.files.whole_files import whole
from trials.commands.options import app, console


@app.command("bench-model")
def bench_model(
    bundle: Annotated[Path, typer.Argument(help="Folder of a bundle, for example exports/quickstart.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A .json for the figures.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="All networks in turn, so often.")] = 5,
) -> None:
    """Measure latency, throughput and memory of a bundle beside UNet (17 M) and ResUNet34, all in one run.

    All run in ONNX Runtime on the bundle's survey, taking turns, so that other work on the machine harms them alike.
    The big networks are untrained, which changes nothing in their speed.
    """
    from trials.prediction.bench_model import bench

    rows = bench(bundle, rounds=rounds)
    table = Table("network", "parameters", "1 thread", "2 threads", "models/s", "memory", "times as fast")
    for row in rows:
        table.add_row(
            row["model"],
            f"{row['parameters']:,}",
            *(f"{row[f'latency_ms_{threads}']:.1f} ± {row[f'latency_ms_{threads}_std']:.1f} ms" for threads in (1, 2)),
            f"{row['models_per_s']:.0f}",
            f"{row['memory_mb']:.0f} MB",
            f"{rows[0]['latency_ms_1'] and row['latency_ms_1'] / rows[0]['latency_ms_1']:.1f}",
        )
    table.columns[-1].header = f"1 thread, over {rows[0]['model']}"
    console.print(table)
    if output is not None:
        with whole(output) as part:
            part.write_text(json.dumps({"bundle": bundle.name, "rows": rows}, indent=1) + "\n")
        console.print(f"wrote {output}")
