"""The command `seisnas`: one command a stage, in the order in which the data flow.

Libraries are imported inside the commands, because `seisnas --help` should answer at once and `predict` must
work where NNI and Devito are not installed.
"""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from datagen.errors import InputError, shown
from trials.commands import (  # noqa: F401  these come first
    bench_command,
    data_commands,
    experiment_commands,
    host_commands,
    pick_command,
    pretrain_commands,
)
from trials.commands.options import QUICKSTART, Preset, Run, Set, app, configuration, console
from trials.running.ending import STATUSES, end_on_signals
from trials.running.quiet import quiet_libraries


def _stage(stage: Any, preset: Path, changes: list[str] | None, run: Path | None, source: Path | None) -> None:
    from datagen.files.reading import read_text
    from trials.settings.config import load, settings

    layer = settings(changes or [])
    if source is not None and (source / "genotype.json").exists():
        layer = {"network.genotype": read_text(source / "genotype.json"), **layer}
    config = load(preset, layer)  # before the slow imports: a misspelt key is told at once

    from trials.running.channel import Channel
    from trials.running.run_folder import RunFolder
    from trials.stages.execute import execute

    folder = RunFolder(run or Path("runs") / config.name / stage)
    result = execute(stage, config, folder, Channel(), source=RunFolder(source) if source else None)
    for name in ("default", "ssim", "mae", "mae_ms", "hit_5", "parameters", "nonzero", "latency_ms"):
        if name in result:
            console.print(f"  {name:<11} {result[name]:.5g}")
    console.print(f"validation scores; the run is in {folder.path}", soft_wrap=True)


@app.command()
def search(preset: Preset = QUICKSTART, changes: Set = None, run: Run = None) -> None:
    """Search encoder and decoder cells once, without NNI's web page (for that: seisnas run)."""
    _stage("search", preset, changes, run, None)


@app.command()
def tune(
    preset: Preset = QUICKSTART,
    changes: Set = None,
    run: Run = None,
    source: Annotated[Path | None, typer.Option("--from", help="Search run whose genotype is trained.")] = None,
) -> None:
    """Train one network in full: a searched one (--from), or the UNet (--set network.model=unet)."""
    _stage("tune", preset, changes, run, source)


@app.command()
def compress(
    source: Annotated[Path, typer.Option("--from", help="Tune run whose network is pruned.")],
    preset: Preset = QUICKSTART,
    changes: Set = None,
    run: Run = None,
) -> None:
    """Prune a tuned network to compress.sparsity with NNI's LevelPruner and fine-tune it."""
    _stage("compress", preset, changes, run, source)


@app.command()
def export(
    source: Annotated[Path | None, typer.Argument(help="A finished tune or compress run.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Default: exports/<name>.")] = None,
    others: Annotated[
        list[Path] | None, typer.Option("--with", help="Run from another seed, for the spread of scores; repeatable.")
    ] = None,
    config: Annotated[Path, typer.Option("--config", help="Without a run: this experiment's.")] = Path(
        "nni_config.yml"
    ),
    max_params: Annotated[int | None, typer.Option(help="At most so many non-zero parameters.")] = None,
    min_ssim: Annotated[float | None, typer.Option(help="The smallest network with this validation SSIM.")] = None,
    max_latency: Annotated[float | None, typer.Option(help="At most so many milliseconds.")] = None,
) -> None:
    """Write a bundle that runs anywhere: of a run, or of the compressed network that keeps to the limits."""
    from trials.results.compressed import chosen_run
    from trials.results.export import export as write
    from trials.running.run_folder import RunFolder

    limits = (max_params, min_ssim, max_latency)
    if source is not None and limits != (None, None, None):
        raise InputError("export: give either a run or limits; limits choose among the runs of an experiment")
    run = RunFolder(source) if source is not None else chosen_run(config, *limits)
    console.print(f"wrote {write(run, output, [RunFolder(other) for other in others or []])}")


@app.command()
def predict(
    bundle: Annotated[Path, typer.Argument(help="Folder of a bundle, for example exports/quickstart.")],
    shots: Annotated[
        Path | None, typer.Argument(help=r".npy of shots \[S, T, R] or \[N, S, T, R], OpenFWI folder, or SEG-Y.")
    ] = None,
    output: Annotated[list[Path] | None, typer.Option("--output", "-o", help=".npy, .sgy or .png; repeatable.")] = None,
    resample: Annotated[bool, typer.Option("--resample", help="Bring sampling in time and receivers to it.")] = False,
    interval: Annotated[float | None, typer.Option(help="Between samples of an .npy \\[s], if not its own.")] = None,
    velocity: Annotated[
        Path | None,
        typer.Option(help="Instead of shots: a velocity model or a cube, .npy or SEG-Y in m/s, or .bin of float32."),
    ] = None,
    shape: Annotated[str | None, typer.Option(help="Of a .bin: ZxX, for example 221x601.")] = None,
    axes: Annotated[str, typer.Option(help="Of a cube, slowest first, for example zyx; SEG-Y tells its own.")] = "",
    unit: Annotated[float, typer.Option(help="Factor to m/s: 1000 for km/s.")] = 1.0,
    spacing: Annotated[float | None, typer.Option(help="Of the velocity model [m].")] = None,
    at: Annotated[str, typer.Option(help="Top left corner of the window: depth,distance [m].")] = "0,0",
) -> None:
    """Image shots with a bundle, or the shots that its own survey would record over a velocity model.

    Shots of another survey are refused, with what differs; see docs/deploy.md for what --resample can mend.
    With --velocity the shots of the window are modelled with the bundle's survey and the prediction is drawn
    beside the RTM image; of a cube every section along x is imaged, and the images are a cube again.
    """
    outputs = output or [Path("prediction.png")]
    if (shots is None) == (velocity is None):
        raise InputError("predict: give either shots (.npy, OpenFWI folder, SEG-Y) or --velocity FILE")
    if velocity is not None:
        from trials.prediction.predict_window import predict_window

        written = predict_window(bundle, velocity, outputs, shape=shape, unit=unit, axes=axes, spacing=spacing, at=at)
    else:
        from trials.prediction.predict import predict as image

        assert shots is not None
        written = image(bundle, shots, outputs, resample=resample, interval=interval)
    for path in written:
        console.print(f"wrote {path}")


@app.command()
def compare(
    preset: Preset = QUICKSTART,
    changes: Set = None,
    results: Annotated[Path | None, typer.Option(help="Folder of the table; default: beside the runs.")] = None,
) -> None:
    """Train the searched network, its controls and the big networks alike, and make the table.

    Takes hours to days.  Stopped and started again it goes on; started twice, both share the work.  The table is
    written anew after every training.
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
    console.print(f"wrote {folder / 'compare.md'}", soft_wrap=True)


@app.command()
def report(
    config: Annotated[Path, typer.Option("--config", help="The NNI experiment's file.")] = Path("nni_config.yml"),
    output: Annotated[Path, typer.Option("--output", "-o")] = Path("report.html"),
) -> None:
    """Write report.html: the table of models, curves, predictions, cells, how to reproduce."""
    from trials.chain import report_of

    console.print(f"wrote {report_of(config, output)}")


@app.command()
def run(
    config: Annotated[Path, typer.Option("--config", help="The NNI experiment's file.")] = Path("nni_config.yml"),
    port: Annotated[int, typer.Option(min=1024, max=65535, help="Of the web page on 127.0.0.1.")] = 8080,
    new: Annotated[bool, typer.Option("--new", help="Start afresh though a finished experiment is here.")] = False,
) -> None:
    """The whole chain: data, one NNI experiment (search, tune, compress), the UNet beside it, export, report.

    Stopped with Ctrl-C and started again it goes on where it stopped.
    """
    from trials.chain import run_chain

    run_chain(config, port, new, console)


@app.command()
def doctor(
    port: Annotated[int, typer.Option(min=1024, max=65535)] = 8080,
) -> None:
    """Check this machine: versions, compiler, NNI's start, ports, disk, memory, GPU."""
    from trials.experiment.machines.doctor import checks

    found = checks(port)
    for check in found:
        mark = "[green]ok  [/]" if check.ok else "[red]FAIL[/]"
        console.print(f"{mark} {check.name}: {check.detail}", soft_wrap=True)
        if not check.ok:
            console.print(f"     → {check.remedy}", soft_wrap=True)
    raise typer.Exit(0 if all(check.ok for check in found) else 1)


def main() -> None:
    """Entry point: what the user can mend is one message and exit status 2."""
    quiet_libraries()
    end_on_signals()
    try:
        app()
    except SystemExit as end:
        if end.code in STATUSES:
            Console(stderr=True).print("stopped; the same command goes on from here")
        raise
    except InputError as error:
        Console(stderr=True).print("error:", shown(error), markup=False, highlight=False, soft_wrap=True)
        sys.exit(2)
    except PermissionError as error:  # of a file or folder of another user, wherever it is met
        Console(stderr=True).print("error:", f"{error.filename}: {error.strerror}", markup=False, soft_wrap=True)
        sys.exit(2)
    except RuntimeError as error:  # an experiment or a training that failed, with its reason
        Console(stderr=True).print("failed:", shown(error), markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
