"""Commands that make, import, check and show data sets."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from datagen.errors import InputError
from trials.commands.options import QUICKSTART, Preset, Set, Workers, complain, configuration, console, tell

GAN = "gan:"  # before the generator that draws velocity models


def generate(
    preset: Preset = QUICKSTART,
    changes: Set = None,
    workers: Workers = None,
    dask: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Use a dask cluster: its scheduler's address or scheduler file."),
    ] = None,
    velocity_from: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|gan:FILE",
            help="Cut the models from this file, as --set data.velocity_file.path=…, which needs its spacing; "
            "gan: draw them with the generator.safetensors of `seisnas pretrain`.",
        ),
    ] = None,
) -> None:
    """Make the data set: geology, shots and RTM images by the wave equation (Devito).

    After a stop, the same command continues where it left off and ends with the same bits.  With --velocity-from and,
    for example, --set data.velocity_file.spacing=12.5 the velocity models are sections of a file (docs/data.md).
    """
    gan = velocity_from.removeprefix(GAN) if velocity_from and velocity_from.startswith(GAN) else None
    origin = [] if velocity_from is None or gan else [f"data.velocity_file.path={velocity_from}"]
    data = configuration(preset, [*origin, *(changes or [])]).data

    from datagen.generate import generate as make
    from datagen.show import own_sheet

    if workers is not None and dask is not None:
        raise InputError("generate: give either --workers, processes here, or --dask, whose workers are its own")
    if gan is not None:
        from trials.pretraining.gan_velocity import with_gan_velocity

        data = with_gan_velocity(data, Path(gan), tell)
    made = make(data, workers=workers, dask=dask, report=tell)
    console.print(f"{data.folder}: {made.made} models made, {made.skipped} were there, {made.seconds:.1f} s")
    tell(f"look at it: {own_sheet(data, new=made.made > 0)}")


def import_data(
    source: Annotated[Path, typer.Argument(help="OpenFWI folder, .npy of shots, SEG-Y or SU (a file or a folder).")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the data set.")],
    preset: Preset = QUICKSTART,
    changes: Set = None,
    models: Annotated[
        Path | None, typer.Option(help=".npy of models (n, 1, z, x) in m/s; OpenFWI has its own.")
    ] = None,
    split_files: Annotated[Path | None, typer.Option(help="OpenFWI's folder split_files; default: SOURCE.")] = None,
    migrate: Annotated[bool, typer.Option("--migrate", help="Add RTM images of the models (Devito).")] = False,
    resample: Annotated[
        bool, typer.Option("--resample", help="Bring SEG-Y to the preset's times and receivers.")
    ] = False,
    interval: Annotated[float | None, typer.Option(help="Between samples of SEG-Y [s], if not its own.")] = None,
    workers: Workers = None,
) -> None:
    """Make a data set of shots that exist already; grid and survey of the preset say what they are.

    Headers of SEG-Y that say otherwise are an error, which lists every difference.

    The other commands take it with --set data.folder=FOLDER; without --migrate, with --set target=velocity too.
    """
    from dataclasses import replace

    config = configuration(preset, changes)
    data = replace(config.data, folder=str(output))

    from datagen.import_shots import import_shots
    from datagen.shards.source import find_source

    found = find_source(source, data, models=models, split_files=split_files, resample=resample, interval=interval)
    made = import_shots(found, data, migrate=migrate, workers=workers, report=tell)
    split = f"{found.split.train} train, {found.split.validation} validation, {found.split.test} test"
    counts = f"{made.made} samples imported, {made.skipped} were there ({split})"
    tell(f"{output}: {counts}, {made.seconds:.1f} s")
    learn = "pretrain" if found.models is None else "tune"
    over = [*(changes or []), f"data.folder={output}"]
    if found.models is not None and not migrate:
        over += ["target=velocity", *(["network.front=stack"] if config.target == "both" else [])]
    tell(f"next: seisnas {learn} --preset {preset} {' '.join(f'--set {shlex.quote(each)}' for each in over)}")


def check_data(
    folder: Annotated[Path | None, typer.Argument(help="Of a data set, whatever its settings.")] = None,
    preset: Preset = QUICKSTART,
    changes: Set = None,
) -> None:
    """Look into every sample: whole, unchanged, finite, in range, and in one split only.

    Of a FOLDER the manifest says what ought to be there; without one it is the preset's data set, with its settings.
    """
    from dataclasses import replace

    from datagen.check import check_data as check
    from datagen.shards.manifest import load_manifest
    from trials.results.data_table import data_table

    if folder is None:
        data = configuration(preset, changes).data
    else:
        data = replace(load_manifest(folder).data, folder=str(folder))
    summaries = check(data)
    tell(f"{data.folder}: every sample is sound")
    console.print(data_table(summaries))


def show_data(
    preset: Preset = QUICKSTART,
    changes: Set = None,
    split: Annotated[str, typer.Option(help="train, validation or test")] = "train",
    count: Annotated[int, typer.Option(min=1, max=50)] = 4,
    output: Annotated[Path, typer.Option("--output", "-o")] = Path("data.png"),
) -> None:
    """Draw a contact sheet: velocity, shot gather and RTM image of some models."""
    from datagen.show import contact_sheet

    contact_sheet(configuration(preset, changes).data, split, count, output)
    tell(f"wrote {output}")


def inspect(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE…", help="SEG-Y, SU, SEG-2, .npy, .npz, .sgt, a folder of SEG-Y, OpenFWI's folder."
        ),
    ],
    bundles: Annotated[
        list[Path] | None,
        typer.Option(
            "--bundle",
            "-b",
            help="Compare with this one; repeatable. Default: those in exports/, bundles/, and the program.",
        ),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A .png of gathers and positions.")] = None,
    preset: Annotated[
        Path | None, typer.Option("--preset", metavar="OUT.yml", help="Write a draft preset for FILE's survey.")
    ] = None,
    interval: Annotated[float | None, typer.Option(help="Between samples [s], for files without one.")] = None,
) -> None:
    """Say what a recording is, and what it is good for: predict, pick, pretrain, import.

    Headers, what was understood of them, and for each task and bundle yes, or everything that differs at once. A draft
    preset has the geometry of the headers; words in capitals, as the range of velocities, are to be filled in. Exit
    status 2: a file could not be read.
    """
    from trials.prediction.inspecting.inspect import inspect as work

    every = work(
        files,
        bundles=bundles or (),
        interval=interval,
        picture=output,
        preset=preset,
        console=console,
        tell=tell,
        complain=complain,
    )
    raise typer.Exit(0 if every else 2)
