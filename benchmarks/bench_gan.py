"""The GAN on field gathers: how far its samples are from the data, beside another half of the data and beside noise.

    python benchmarks/bench_gan.py --gathers SHOTS.npy --npy-interval 0.00025 [--pictures FOLDER]

real_floor      one half of the data against the other
noise_ceiling   white noise of the data's variance against one half
distance        as many generated samples against that half

Every number is the mean over five draws of halves, samples and directions.  A training that was stopped
resumes; a finished one is only judged.
"""

import json
import resource
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from lib.record import made_by
from rich.console import Console

from trials.pretraining.gan_training import step_generator
from trials.pretraining.merit import merit
from trials.pretraining.pretrain import pretrain
from trials.pretraining.pretrain_data import Samples, make_samples
from trials.pretraining.show_gan import sampled, show_gan
from trials.running.run_folder import RunFolder
from trials.settings.config import Config, load
from trials.training.transferring.pretrained_files import load_generator, pretrain_folder

ROOT = Path(__file__).resolve().parents[1]
DRAWS = 5
HALFWAY = 0.5  # from noise to the floor

# The encoder of the preset's picking network, on what that network sees of a gather
SETTINGS = {
    "precision": "mixed",
    "pretrain.kind": "gan",
    "pretrain.source": "gathers",
    "pretrain.learning_rate": 1.0e-3,
    "pretrain.batch_size": 8,
    "pretrain.ema": 0.998,
}


def judged(run: RunFolder, samples: Samples) -> dict[str, Any]:
    """Means and standard deviations over the draws."""
    generator, facts = load_generator(run.path / "generator.safetensors")
    values = samples.values_N1ZX
    half = len(values) // 2
    draws: dict[str, list[dict[str, float]]] = {"generated": [], "real": [], "noise": []}
    for seed in range(DRAWS):
        stream = step_generator(seed, 0)
        order = torch.randperm(len(values), generator=stream)
        one, other = values[order[:half]], values[order[half : 2 * half]]
        noise = values.std() * torch.randn(one.shape, generator=stream)
        latent = torch.randn(half, facts["latent"], generator=stream)
        for name, each in (("generated", sampled(generator, latent)), ("real", other), ("noise", noise)):
            draws[name].append(asdict(merit(each, one, seed)))
    mean = {name: {key: float(np.mean([row[key] for row in rows])) for key in rows[0]} for name, rows in draws.items()}
    floor, ceiling, distance = (mean[name]["distance"] for name in ("real", "noise", "generated"))
    spread = {name: float(np.std([row["distance"] for row in rows], ddof=1)) for name, rows in draws.items()}
    return {
        "distance": distance,
        "distance_std": spread["generated"],
        "real_floor": floor,
        "real_floor_std": spread["real"],
        "noise_ceiling": ceiling,
        "way_to_floor": (ceiling - distance) / (ceiling - floor),
        "diversity": mean["generated"]["diversity"],
        **{key: {name: mean[name][key] for name in mean} for key in ("spectrum_db", "coherence", "nearest")},
        "draws": DRAWS,
    }


def make_row(config: Config, run: RunFolder, samples: Samples) -> dict[str, Any]:
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    row = {"data": Path(config.pretrain.gathers[0]).parent.name, "samples": len(samples.values_N1ZX)}
    row |= judged(run, samples) | {"seconds": run.result["seconds"], "peak_memory_mb": memory}
    return row | {"steps": config.pretrain.steps, "seed": config.seed}


def page(record: dict[str, Any]) -> str:
    """The rows as Markdown."""
    text = "# GAN on unlabelled gathers\n\n"
    text += "".join(f"- {key}: `{value}`\n" for key, value in record.items() if key != "rows")
    text += "\nSliced Wasserstein distance (trials/pretraining/merit.py); seconds are of one core; no labels.\n\n"
    names = ("data", "distance", "real_floor", "noise_ceiling", "way_to_floor", "diversity", "seconds")
    text += f"| {' | '.join(names)} |\n{'|---' * len(names)}|\n"
    for row in record["rows"]:
        values = (row[name] for name in names)
        text += f"| {' | '.join(f'{value:.3g}' if isinstance(value, float) else str(value) for value in values)} |\n"
    for row in record["rows"]:
        text += f"\n| {row['data']} | generated | other half | noise |\n|---|---|---|---|\n"
        for name in ("spectrum_db", "coherence", "nearest"):
            text += f"| {name} | {' | '.join(f'{row[name][kind]:.3g}' for kind in ('generated', 'real', 'noise'))} |\n"
    return text


def main(
    gathers: Annotated[Path, typer.Option(help=".npy of gathers [N, T, R].")],
    npy_interval: Annotated[float, typer.Option(help="[s] between its samples")],
    pictures: Annotated[Path | None, typer.Option(help="Folder for gan_walk.gif and gan_sheet.png.")] = None,
    steps: int = 3500,
    run: Path | None = None,
    output: Path = ROOT / "benchmarks/results/gan.json",
) -> None:
    console = Console()
    settings = {"pretrain.gathers": [str(gathers)], "pretrain.npy_interval": npy_interval, "pretrain.steps": steps}
    config = load(ROOT / "presets/field.yml", SETTINGS, settings)
    folder = RunFolder(run or pretrain_folder(config, "gan"))
    if not folder.finished:
        pretrain(config, folder, console.print)
    samples = make_samples(config, console.print)
    row = make_row(config, folder, samples)
    command = f"python benchmarks/bench_gan.py --gathers {gathers.name} --npy-interval {npy_interval:g}"
    record = made_by(command, threads=torch.get_num_threads(), rows=[row])
    output.write_text(json.dumps(record, indent=1) + "\n")
    output.with_suffix(".md").write_text(page(record))
    console.print(page(record), markup=False)
    if pictures is not None:
        few = samples.values_N1ZX[:: len(samples.values_N1ZX) // 8]
        for file in show_gan(folder.path / "generator.safetensors", pictures, seed=config.seed, real_N1ZX=few):
            file.replace(file.with_name(f"gan_{file.name}"))
    sys.exit(0 if row["way_to_floor"] >= HALFWAY and row["diversity"] >= HALFWAY else 1)


if __name__ == "__main__":
    typer.run(main)
