"""Perceptual against pixel loss: one network trained with each, same data, epochs and seeds, scored on the test split.

    python benchmarks/bench_losses.py --genotype runs/…/genotype.json --features vgg16_features.safetensors

pixel        l2 alone                         perceptual   l2 and the distance of VGG16's features
ssim         l2 and 1 − SSIM, the recipe      geology      l2 and the pixel loss that weighs structure
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Annotated, Any

import typer
from lib.record import Record

from search_spaces.genotype import Genotype
from trials.results.compare import train_and_test
from trials.running.run_folder import RunFolder
from trials.settings.config import Config, load
from trials.training.networks import with_genotype


def losses(features: Path) -> dict[str, Mapping[str, Any]]:
    pixel = {"loss.l2": 1.0, "loss.ssim": 0.0}
    return {
        "pixel": pixel,
        "ssim": {"loss.l2": 1.0, "loss.ssim": 0.05},
        "geology": pixel | {"loss.geology": 0.2},
        "perceptual": pixel | {"loss.perceptual": 0.02, "loss.perceptual_weights": str(features)},
    }


def main(
    genotype: Annotated[Path, typer.Option(help="Of the network that is trained.")],
    features: Annotated[Path, typer.Option(help="VGG16's convolutions, as safetensors.")],
    preset: Annotated[Path, typer.Option()] = Path("presets/openfwi.yml"),
    epochs: Annotated[int, typer.Option()] = 3,
    seeds: Annotated[int, typer.Option()] = 2,
    only: Annotated[list[str] | None, typer.Option(help="Losses, repeatable; all, if not given.")] = None,
) -> None:
    split = load(preset).data.split
    record = Record(
        "losses",
        "Perceptual against pixel loss",
        f"python benchmarks/bench_losses.py --genotype {genotype} --features {features.name} --preset {preset} "
        f"--epochs {epochs} --seeds {seeds}",
        split="test",
        data=f"{split.train} / {split.validation} / {split.test} models, {epochs} epochs",
    )
    found = Genotype.from_json(genotype.read_text())
    for loss, settings in losses(features).items():
        if (only and loss not in only) or record.has(loss=loss, seeds=seeds):
            continue
        config = with_genotype(load(preset, settings, {"tune.epochs": epochs}), found)
        runs = [training(replace(config, seed=seed), loss) for seed in range(1, seeds + 1)]
        tests = [run.scores("test") or {} for run in runs]
        ssim, mae = ([test[name] for test in tests] for name in ("ssim", "mae"))
        record.add(
            {
                "loss": loss,
                "ssim_mean": fmean(ssim),
                "ssim_std": stdev(ssim) if len(ssim) > 1 else None,
                "ssim_each": ssim,
                "mae_mean": fmean(mae),
                "seeds": seeds,
                "seconds": fmean(run.result["seconds"] for run in runs),
                "split": "test",
            }
        )


def training(config: Config, loss: str) -> RunFolder:
    run = RunFolder(Path("runs") / config.name / "losses" / f"{config.tune.epochs}epochs" / loss / f"seed{config.seed}")
    return train_and_test(config, run)


if __name__ == "__main__":
    typer.run(main)
