"""Commands that train networks, stage by stage."""

from pathlib import Path
from typing import Annotated, Any

import typer

from datagen.errors import InputError
from trials.commands.options import FIELD, QUICKSTART, Preset, Run, Set, configuration, console, tell


def pretrain(preset: Preset = QUICKSTART, changes: Set = None, run: Run = None) -> None:
    """Train a GAN or a masked autoencoder on shots or velocity models without labels (docs/pretraining.md).

    After a stop, the same command continues where it left off.  Its weights are for network.encoder_init: gan.
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


def show_gan(
    run: Annotated[Path, typer.Argument(help="Folder of a finished `seisnas pretrain` of kind gan.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of walk.gif and sheet.png.")] = Path("gan"),
    points: Annotated[int, typer.Option(min=2, max=100, help="Random points of the walk.")] = 6,
    steps: Annotated[int, typer.Option(min=1, max=200, help="Pictures from one point to the next.")] = 12,
    seed: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """Walk through the latent space of a GAN: an animated GIF, and a sheet of samples below data."""
    from trials.pretraining.pretrain_data import make_samples
    from trials.pretraining.show_gan import show_gan as work
    from trials.running.run_folder import RunFolder

    folder = RunFolder(run)
    folder.require_finished()
    real = make_samples(folder.config, tell).values_N1ZX
    few = real[:: max(1, len(real) // 8)]
    for file in work(run / "generator.safetensors", output, points=points, steps=steps, seed=seed, real_N1ZX=few):
        tell(f"wrote {file}")


def search(preset: Preset = QUICKSTART, changes: Set = None, run: Run = None) -> None:
    """Search encoder and decoder cells once, without NNI's web page (for that: seisnas run)."""
    _stage("search", preset, changes, run, None)


def tune(
    preset: Preset = QUICKSTART,
    changes: Set = None,
    run: Run = None,
    source: Annotated[Path | None, typer.Option("--from", help="Search run whose genotype is trained.")] = None,
    max_params: Annotated[int | None, typer.Option(min=1, help="Of its Pareto front, the best within it.")] = None,
    max_latency: Annotated[float | None, typer.Option(min=0, help="In ONNX Runtime, one thread [ms].")] = None,
) -> None:
    """Train one network in full: a searched one (--from), or the UNet (--set network.model=unet).

    A search by several objectives (search.strategy: archai) leaves a front; limits take another point of it than the
    best.
    """
    cells = None
    if max_params is not None or max_latency is not None:
        if source is None:
            raise InputError("--max-params and --max-latency choose from the front of a search; give it with --from")

        from trials.stages.search_front import cells_within

        cells = cells_within(source, max_params, max_latency)
    _stage("tune", preset, changes, run, source, cells)


def pick_train(
    gathers: Annotated[
        list[Path],
        typer.Argument(
            metavar="GATHERS…",
            help="An .npz with labels: gathers [S, T, R], first_break_s [S, R] in s, interval in s; or files and "
            "folders without labels, as `pick` reads them.",
        ),
    ],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Folder; default: exports/NAME.")] = None,
    preset: Preset = FIELD,
    changes: Set = None,
    start: Annotated[
        Path | None,
        typer.Option(
            "--start",
            help="weights.safetensors or a bundle, as field. Default: those of the modelled gathers.",
        ),
    ] = None,
    interval: Annotated[float | None, typer.Option(min=1e-7, max=0.1, help="[s], if not in the file.")] = None,
) -> None:
    """Train a picker of first breaks: on modelled gathers, then on yours, labelled or not.

    Of labelled gathers it says the error on those held out, and then trains on all. Of gathers without labels it learns
    where their own energy rises, near where it looks. Both end with a bundle (docs/picking.md). After a stop, the same
    command continues where it left off.
    """
    from trials.settings.config import settings

    given = settings(changes or [])
    configuration(preset, changes)

    from trials.pick_train import pick_train as work

    folder = work(gathers, output, tell, preset=preset, changes=given, start=start, interval=interval)
    tell(f"wrote {folder}; next: seisnas pick {folder} GATHERS")


def compress(
    source: Annotated[Path, typer.Option("--from", help="Tune run whose network is pruned.")],
    preset: Preset = QUICKSTART,
    changes: Set = None,
    run: Run = None,
) -> None:
    """Prune a tuned network to compress.sparsity with NNI's LevelPruner and fine-tune it."""
    _stage("compress", preset, changes, run, source)


def _stage(
    stage: Any,
    preset: Path,
    changes: list[str] | None,
    run: Path | None,
    source: Path | None,
    genotype: str | None = None,
) -> None:
    """`genotype` [JSON] counts more than that of the run `source`."""
    from datagen.files.reading import read_text
    from trials.settings.config import load, settings

    layer = settings(changes or [])
    if genotype is None and source is not None and (source / "genotype.json").exists():
        genotype = read_text(source / "genotype.json")
    if genotype is not None:
        layer = {"network.genotype": genotype, **layer}
    config = load(preset, layer)  # before the slow imports: a misspelt key is reported at once

    from trials.running.channel import Channel
    from trials.running.run_folder import RunFolder
    from trials.stages.execute import execute

    folder = RunFolder(run or Path("runs") / config.name / stage)
    result = execute(stage, config, folder, Channel(), source=RunFolder(source) if source else None)
    for name in ("default", "ssim", "mae", "mae_ms", "hit_5", "parameters", "nonzero"):
        if name in result:
            console.print(f"  {name:<11} {result[name]:.5g}")
    console.print(f"validation scores; the run is in {folder.path}", soft_wrap=True)


def compare(
    preset: Preset = QUICKSTART,
    changes: Set = None,
    results: Annotated[Path | None, typer.Option(help="Folder of the table; default: beside the runs.")] = None,
) -> None:
    """Train the searched network, its controls and the big networks alike, and make the table.

    Takes hours to days.  After a stop, the same command continues; started twice, both share the work.  The table is
    rewritten after every training.
    """
    config = configuration(preset, changes)

    from trials.results.compare import Comparison
    from trials.results.compare import compare as work
    from trials.results.compare_table import measure_latency, write_table

    comparison = Comparison(config)
    folder = results or comparison.folder
    left = sum(not comparison.finished(name) for name in comparison.runs)
    console.print(f"{comparison.folder}: {left} of {len(comparison.runs)} runs to do", soft_wrap=True)

    def wrote(name: str) -> None:
        console.print(f"{name}: validation SSIM {comparison.run(name).result['ssim']:.4f}", soft_wrap=True)
        write_table(comparison, folder)

    work(comparison, wrote)
    measure_latency(comparison)
    write_table(comparison, folder)
    tell(f"wrote {folder / 'compare.md'}")
