"""Does an encoder that learned from unlabelled shots image better?  GAN, autoencoder and scratch, few models to many.

    python benchmarks/bench_transfer.py --preset presets/openfwi.yml

Pretraining sees the shots of all training models and no image: the case in which shots are plentiful and images
expensive.  The trainings see the first `training_models` of them; all have the same steps, learning rates and seeds,
and are scored on the test split.  Started again after a stop, it does the missing runs.
"""

import json
import warnings
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytorch_lightning as pl
import typer
from lib.record import made_by
from rich.console import Console
from torch.utils.data import Subset

from datagen.dataset import ShardDataset, loader
from datagen.generate import ensure
from search_spaces.build import build
from trials.pretraining.pretrain import pretrain
from trials.running.channel import Channel
from trials.running.quiet import quiet_libraries
from trials.running.run_folder import RunFolder
from trials.settings.config import Config, load, settings
from trials.training.fit import GRADIENT_CLIP, EpochReport, evaluate, trainer_options
from trials.training.module import TaskModule
from trials.training.networks import geometry
from trials.training.tasks import make_task
from trials.training.transferring.pretrained_files import pretrain_folder
from trials.training.transferring.transfer import resolved, start_parts

ROOT = Path(__file__).resolve().parents[1]
INITS = ("scratch", "gan", "autoencoder")
RATES = (0.001, 0.01)  # the comparison's sweep took the first for U-Nets; the second is what others start with

# A U-Net small enough for many trainings, on the one front whose channels are time samples of a gather
SETTINGS = {
    "name": "transfer",
    "network.model": "unet",
    "network.depth": 4,
    "network.width": 12,
    "network.front.kind": "fold",
    "pretrain.source": "shots",
    "pretrain.gather.rows": 128,
    "pretrain.samples": 2000,
    "pretrain.steps": 1500,
    "pretrain.learning_rate": 5.0e-4,
}


def trained(config: Config, run: RunFolder, models: int, steps: int) -> float:
    """SSIM on the test split after `steps` of training on the first `models` of the training split."""
    run.start(config, "tune")
    pl.seed_everything(config.seed, verbose=False)
    network = build(config.network, *geometry(config))
    start_parts(network, config, run)
    few = Subset(ShardDataset(config.data.folder, "train", config.target), range(models))
    batch = min(config.training.batch_size, models)
    epochs = max(1, round(steps * batch / models))
    task = make_task(config)
    module = TaskModule(
        network, task, learning_rate=config.tune.learning_rate, weight_decay=config.training.weight_decay
    )
    options = trainer_options(run, config, "transfer", epochs, [EpochReport(run, Channel(), "transfer", task.quality)])
    pl.Trainer(**options, gradient_clip_val=GRADIENT_CLIP).fit(
        module, loader(few, batch, shuffle=True, seed=config.seed)
    )
    return evaluate(network, config, "test")["ssim"]


def page(record: dict[str, Any]) -> str:
    """The rows as Markdown."""
    text = "# From unlabelled shots to images\n\n"
    text += "".join(f"- {key}: `{value}`\n" for key, value in record.items() if key != "rows")
    text += "\nSSIM on the test split, mean and standard deviation over seeds.\n\n"
    text += "| learning rate | encoder | training models | SSIM | ± | seeds |\n|---|---|---|---|---|---|\n"
    for row in record["rows"]:
        text += f"| {row['learning_rate']:g} | {row['init']} | {row['training_models']} | {row['ssim_mean']:.4f} "
        text += f"| {row['ssim_std']:.4f} | {row['seeds']} |\n"
    return text


def main(
    preset: Annotated[Path, typer.Option("--preset", "-p")] = ROOT / "presets/openfwi.yml",
    changes: Annotated[list[str] | None, typer.Option("--set", "-s")] = None,
    models: Annotated[list[int] | None, typer.Option(help="Training models; repeatable.")] = None,
    seeds: int = 2,
    steps: Annotated[int, typer.Option(help="Training steps of each network.")] = 400,
    output: Path = ROOT / "benchmarks/results/transfer.json",
) -> None:
    quiet_libraries()
    warnings.filterwarnings("ignore", message=".*no `val_dataloader`.*")  # scored on the test split, at the end
    console = Console()
    config = load(preset, SETTINGS, settings(changes or []))
    ensure(config.data)
    folder = Path("runs") / config.name
    for kind in INITS[1:]:
        run = RunFolder(pretrain_folder(config, kind))
        if not run.finished:
            pretrain(replace(config, pretrain=replace(config.pretrain, kind=kind)), run, console.print)
    command = f"python benchmarks/bench_transfer.py --preset {preset.name} --seeds {seeds} --steps {steps}"
    command += "".join(f" --set {change}" for change in changes or [])
    record = made_by(command, rows=[])
    for rate, count, init in product(RATES, models or [50, 200, 800], INITS):
        scores = []
        for seed in range(1, seeds + 1):
            run = RunFolder(folder / f"{init}-{count}-{seed}-{steps}-{rate:g}")
            wanted = replace(
                config,
                seed=seed,
                network=replace(config.network, encoder_init=init),
                tune=replace(config.tune, learning_rate=rate),
            )
            if not run.finished:
                run.finish({"ssim": trained(resolved(wanted), run, count, steps)})
            scores.append(run.result["ssim"])
            console.print(f"{rate:g}, {init}, {count} models, seed {seed}: SSIM {scores[-1]:.4f}")
        spread = float(np.std(scores, ddof=1)) if len(scores) > 1 else 0.0
        row = {"init": init, "training_models": count, "ssim_mean": float(np.mean(scores)), "ssim_std": spread}
        row |= {"learning_rate": rate, "seeds": seeds, "split": "test", "steps": steps}
        record["rows"].append(row)
        output.write_text(json.dumps(record, indent=1) + "\n")
        output.with_suffix(".md").write_text(page(record))


if __name__ == "__main__":
    typer.run(main)
