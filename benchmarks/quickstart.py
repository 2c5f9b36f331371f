"""Records what a `make run` made and what it cost, in benchmarks/results/quickstart.json and .md.

/usr/bin/time -v -o time.log make run && python benchmarks/quickstart.py time.log
"""

import json
import re
import sys
from pathlib import Path

import psutil
import torch
from lib.record import made_by

from compressors.bundles.bundle import load_bundle
from compressors.verify import file_bytes, latency
from datagen.dataset import ShardDataset
from search_spaces.build import count_parameters, nonzero_parameters
from trials.running.run_folder import RunFolder
from trials.training.metrics import scores

RESULTS = Path("benchmarks/results")
BUNDLES = {
    "unet": Path("runs/quickstart/bundles/unet"),
    "nasunet": Path("runs/quickstart/bundles/nasunet"),
    "nasunet_pruned": Path("exports/quickstart"),
}


def row(name: str, folder: Path) -> dict[str, float | str]:
    bundle = load_bundle(folder)
    return {
        "model": name,
        "split": "test",
        "seeds": 1,
        "parameters": count_parameters(bundle.network),
        "nonzero": nonzero_parameters(bundle.network),
        "weights_packed_bytes": file_bytes(folder).weights_packed,
        "ssim": round(bundle.contents.scores["ssim"], 4),
        "mae": round(bundle.contents.scores["mae"], 4),
        "correlation": round(bundle.contents.scores["correlation"], 4),
        "velocity_ssim": round(bundle.contents.scores["velocity_ssim"], 4),
        "latency_ms_1": round(latency(folder, 1), 2),
        "latency_ms_2": round(latency(folder, 2), 2),
    }


def nothing() -> dict[str, float | str]:
    """The score of an image that is zero everywhere: what a network that has learned nothing gets."""
    test = ShardDataset("data/quickstart", "test")
    _, target_B1ZX = test.__getitems__(range(len(test)))
    found = scores(torch.zeros_like(target_B1ZX), target_B1ZX)
    row = {name: round(float(found[name].mean()), 4) for name in ("ssim", "mae", "correlation")}
    return {"model": "zero_image", "split": "test", "seeds": 1, "parameters": 0, "nonzero": 0, **row}


def seconds(clock: str) -> float:
    """Of `h:mm:ss` or `m:ss.ss`, as GNU time prints it."""
    total = 0.0
    for part in clock.split(":"):
        total = 60 * total + float(part)
    return total


def main() -> None:
    log = Path(sys.argv[1]).read_text()
    clock = re.search(r"Elapsed.*: ([\d:.]+)", log)
    peak = re.search(r"Maximum resident.*: (\d+)", log)
    assert clock is not None
    assert peak is not None
    run = RunFolder("runs/quickstart/unet").provenance
    results = {
        **made_by("/usr/bin/time -v -o time.log make run && python benchmarks/quickstart.py time.log"),
        "commit": run["commit"],
        "memory": f"{psutil.virtual_memory().total / 1e9:.0f} GB",
        "seconds": seconds(clock[1]),
        "peak_mb_of_largest_process": int(peak[1]) // 1000,
        "rows": [row(name, folder) for name, folder in BUNDLES.items()] + [nothing()],
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "quickstart.json").write_text(json.dumps(results, indent=2) + "\n")
    (RESULTS / "quickstart.md").write_text(page(results))


def page(results: dict) -> str:
    keys = list(results["rows"][0])
    lines = [
        "# Quick start",
        "",
        *(f"- {key}: {value}" for key, value in results.items() if key != "rows"),
        "",
        f"| {' | '.join(keys)} |",
        f"|{'---|' * len(keys)}",
        *(f"| {' | '.join(str(row.get(key, '')) for key in keys)} |" for row in results["rows"]),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
