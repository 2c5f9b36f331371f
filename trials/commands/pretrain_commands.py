"""The commands of `seisnas` that learn from samples nobody has labelled, and show what was learned."""

from pathlib import Path
from typing import Annotated

import typer

from trials.commands.options import QUICKSTART, Preset, Run, Set, app, configuration, console, tell


@app.command()
def pretrain(preset: Preset = QUICKSTART, changes: Set = None, run: Run = None) -> None:
    """Train a GAN or a masked autoencoder on shots or velocity models without labels (docs/pretraining.md).

    Stopped and started again, it goes on where it stopped.  Its weights are for network.encoder_init: gan.
    """
    config = configuration(preset, changes)

    from trials.pretraining.pretrain import pretrain as train
    from trials.running.run_folder import RunFolder
    from trials.training.transferring.pretrained_files import pretrain_folder

    folder = RunFolder(run or pretrain_folder(config, config.pretrain.kind))
    result = train(config, folder, tell)
    for name, value in result.items():
        if isinstance(value, float):
            console.print(f"  {name:<12} {value:.4g}")
    console.print(f"the weights are in {folder.path}", soft_wrap=True)


@app.command()
def dream(
    run: Annotated[Path, typer.Argument(help="Folder of a finished `seisnas pretrain` of kind gan.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of walk.gif and sheet.png.")] = Path("dream"),
    points: Annotated[int, typer.Option(min=2, max=100, help="Random points of the walk.")] = 6,
    steps: Annotated[int, typer.Option(min=1, max=200, help="Pictures from one point to the next.")] = 12,
    seed: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """Walk through the latent space of a GAN: an animated GIF, and a sheet of samples below data."""
    from trials.pretraining.dream import dream as work
    from trials.pretraining.pretrain_data import samples_of
    from trials.running.run_folder import RunFolder

    folder = RunFolder(run)
    folder.require_finished()
    real = samples_of(folder.config, tell).values_N1ZX
    few = real[:: max(1, len(real) // 8)]
    for file in work(run / "generator.safetensors", output, points=points, steps=steps, seed=seed, real_N1ZX=few):
        tell(f"wrote {file}")
