"""The Pareto front that a search with several objectives found: its picture, and the cells that keep to limits.

pareto.json     genotype, quality, parameters, latency_ms of each point, the best first
"""

import json
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from compressors.pareto import Point, choose
from datagen.errors import InputError
from datagen.files.reading import read_json
from datagen.files.whole_files import whole

PARETO = "pareto.json"


def write_front(folder: Path, rows: list[dict[str, Any]], quality: str) -> None:
    """pareto.json, and pareto.png with a point for each network."""
    with whole(folder / PARETO) as part:
        part.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    figure = Figure(figsize=(5.5, 4), layout="constrained")
    axes = figure.subplots()
    drawn = axes.scatter(
        [row["latency_ms"] for row in rows],
        [row["quality"] for row in rows],
        c=[row["parameters"] / 1e3 for row in rows],
        s=60,
    )
    for number, row in enumerate(rows, start=1):
        axes.annotate(str(number), (row["latency_ms"], row["quality"]), xytext=(5, 5), textcoords="offset points")
    axes.set(xlabel="latency in ONNX Runtime, one thread [ms]", ylabel=f"{quality}, validation")
    figure.colorbar(drawn, label="thousand parameters")
    figure.savefig(folder / "pareto.png", dpi=120)


def read_front(folder: Path) -> dict[Point, str]:
    """Point → genotype [JSON] of pareto.json in the folder of a search, the best first; none where there is no file.

    Raises InputError: the file is not what a search writes.
    """
    file = folder / PARETO
    if not file.exists():
        return {}
    try:
        return {
            Point(
                name=str(number),
                ssim=float(row["quality"]),
                nonzero=int(row["parameters"]),
                latency_ms=float(row["latency_ms"]),
                score=float(row["quality"]),
            ): str(row["genotype"])
            for number, row in enumerate(read_json(file), start=1)
        }
    except (KeyError, TypeError, ValueError):
        raise InputError(f"{file}: not the front that a search writes; run the search again") from None


def cells_within(folder: Path, max_params: int | None, max_latency: float | None) -> str:
    """The genotype [JSON] of highest quality on the front of a search within the limits [parameters, ms].

    Raises InputError: the search left no front, or none is within the limits.
    """
    points = read_front(folder)
    if not points:
        raise InputError(
            f"{folder}: has no {PARETO}; --max-params and --max-latency need a search with search.strategy archai "
            "(docs/search.md)"
        )
    return points[choose(list(points), max_params=max_params, max_latency=max_latency)]
