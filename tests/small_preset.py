"""The quick start's preset with a data set of its own, so small that a test can make it."""

from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]


def write_small_preset(
    file: Path, *, cells: tuple[int, int], samples: int, split: tuple[int, int, int] = (8, 8, 8)
) -> None:
    """`cells` in depth and along x, with two shots and a receiver in each column; `split`: train, validation, test."""
    nz, nx = cells
    tree = yaml.safe_load((ROOT / "presets" / "quickstart.yml").read_text(encoding="utf-8"))
    tree |= {"target": "velocity", "network": {"operations": "small", "max_parameters": 100_000}}
    tree["data"] |= {
        "folder": "data",
        "grid": {"nz": nz, "nx": nx, "spacing": 10.0},
        "survey": {"shots": 2, "receivers": nx, "frequency": 15.0, "interval": 0.001, "samples": samples},
        "split": dict(zip(("train", "validation", "test"), split, strict=True)),
        "shard_size": 8,
    }
    file.write_text(yaml.safe_dump(tree), encoding="utf-8")
