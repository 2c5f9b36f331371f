"""Commands that take a trained network to work: a bundle is written, used and timed."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from datagen.errors import InputError
from datagen.files.outputs import check_outputs
from datagen.files.whole_files import whole
from trials.commands.options import NNI_CONFIG, Bundle, Images, Mirrored, console, tell

PREDICTION = Path("prediction.png")


def export(
    source: Annotated[Path | None, typer.Argument(help="A finished tune or compress run.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Default: exports/NAME.")] = None,
    others: Annotated[
        list[Path] | None, typer.Option("--with", help="Run from another seed, for the spread of scores; repeatable.")
    ] = None,
    small: Annotated[bool, typer.Option("--small", help="Weights in 8 bits: a fifth of the size.")] = False,
    config: Annotated[Path, typer.Option("--config", help="Without a run: this experiment's.")] = NNI_CONFIG,
    max_params: Annotated[int | None, typer.Option(help="Largest number of non-zero parameters.")] = None,
    min_ssim: Annotated[float | None, typer.Option(help="The smallest network with this validation SSIM.")] = None,
    max_latency: Annotated[float | None, typer.Option(help="Highest latency in ONNX Runtime, one thread [ms].")] = None,
) -> None:
    """Write a bundle that runs anywhere: of a run, or of the compressed network that keeps to the limits."""
    from trials.results.export import describe, describe_bundle
    from trials.results.export import export as write
    from trials.running.run_folder import RunFolder

    limits = (max_params, min_ssim, max_latency)
    if source is not None and limits != (None, None, None):
        raise InputError("export: give either a run or limits; limits choose among the runs of an experiment")
    if source is not None:
        run = RunFolder(source)
    else:
        from trials.results.compressed import chosen_run  # NNI

        run = chosen_run(config, *limits)
    tell(describe(run))
    folder = write(run, output, [RunFolder(other) for other in others or []], small=small)
    tell(f"wrote {folder}\n{describe_bundle(folder)}")


def predict(
    bundle: Bundle,
    shots: Annotated[Path, typer.Argument(help=".npy of shots [S, T, R] or [N, S, T, R], OpenFWI folder, SEG-Y, SU.")],
    output: Images = None,
    resample: Annotated[bool, typer.Option("--resample", help="Bring sampling in time and receivers to it.")] = False,
    interval: Annotated[float | None, typer.Option(help="Between samples of an .npy [s], if not its own.")] = None,
    migrate: Annotated[bool, typer.Option("--migrate", help="RTM images in the velocity predicted (Devito).")] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Does the velocity predicted explain the shots? Table, .json, .png.")
    ] = False,
    mirrored: Mirrored = False,
    velocity: Annotated[
        Path | None,
        typer.Option("--migration-velocity", help="Your own [m/s], on the bundle's grid, instead of one predicted."),
    ] = None,
) -> None:
    """Image recorded shots with a bundle.

    Shots of another survey are refused, with what differs; docs/deploy.md has what --resample can bring to the
    bundle's survey. --explain models the shots that the velocity predicted would give and compares: a misfit of 0
    explains everything, one of 1 nothing; the files are named after the first output, NAME_misfit.json and .png.
    """
    from trials.prediction.explain import misfit_table
    from trials.prediction.predict import predict as work

    outputs = output or [PREDICTION]
    files = work(
        bundle,
        shots,
        outputs,
        resample=resample,
        interval=interval,
        migrate=migrate,
        explain=explain,
        mirrored=mirrored,
        migration_velocity=velocity,
    )
    if explain:
        console.print(misfit_table(json.loads(files[-2].read_text(encoding="utf-8"))))
    for path in files:
        tell(f"wrote {path}")


def model(
    bundle: Bundle,
    velocity: Annotated[
        Path,
        typer.Argument(metavar="VELOCITY_FILE", help="Velocity model or cube: .npy, SEG-Y, or .bin of float32."),
    ],
    output: Images = None,
    shape: Annotated[str | None, typer.Option(help="Of a .bin: ZxX, for example 221x601.")] = None,
    axes: Annotated[str, typer.Option(help="Of a cube, slowest first, for example zyx; SEG-Y has its own.")] = "",
    unit: Annotated[float, typer.Option(help="Factor to m/s: 1000 for km/s.")] = 1.0,
    spacing: Annotated[float | None, typer.Option(help="Of the cells of the velocity model [m].")] = None,
    at: Annotated[str, typer.Option(help="Top left corner of the window: depth,distance [m].")] = "0,0",
    mirrored: Mirrored = False,
) -> None:
    """Model a bundle's survey over a window of a velocity model, and image its shots.

    A .png shows the velocity, the RTM image, the prediction and, if that is a velocity, the RTM image in it side by
    side, with SSIM (beside a blank image's) and correlation.  Of a cube every section along x is imaged, and the
    images are a cube again.
    """
    from trials.prediction.model_window import model_window

    outputs = output or [PREDICTION]
    for path in model_window(
        bundle,
        velocity,
        outputs,
        spacing=spacing,
        at=at,
        shape=shape,
        unit=unit,
        axes=axes,
        mirrored=mirrored,
    ):
        tell(f"wrote {path}")


def adapt(
    bundle: Bundle,
    shots: Annotated[Path, typer.Argument(help="Your survey's shots, as of seisnas predict; the first 64 samples.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the new bundle.")],
    models: Annotated[int, typer.Option(min=16, max=100_000, help="To make and to train on.")] = 400,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1)] = 1,
    run: Annotated[
        Path | None, typer.Option("--run", help="Folder for data and training; default: runs/adapt/NAME of the output.")
    ] = None,
    resample: Annotated[bool, typer.Option("--resample", help="As of seisnas predict.")] = False,
    interval: Annotated[float | None, typer.Option(help="As of seisnas predict [s].")] = None,
) -> None:
    """Adapt a bundle to your own survey, without labels.

    Models like the velocities that the bundle sees in the shots are made with the wave equation, and its network is
    trained on them for a little while. The new bundle is written if its velocities explain the shots better (the misfit
    of predict --explain); if not, nothing is written and the exit status is 1. After a stop, the same command goes on
    where it stopped.
    """
    from trials.adapting.adapt import adapt as work

    found = work(
        bundle,
        shots,
        output,
        models=models,
        seed=seed,
        run=run,
        resample=resample,
        interval=interval,
        report=tell,
    )
    change = f"misfit {found.before:.3f} before, {found.after:.3f} after, mean of {found.samples} samples"
    if not found.helped:
        raise RuntimeError(f"{change}: it did not help, {output} is not written; stay with {bundle}")
    tell(f"{change}\nwrote {output}\nnext: seisnas predict {output} {shots}")


def pick(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="BUNDLE GATHERS…",
            help="Folder of a bundle, or of a finished run; then the survey's files, or folders of them: .npy, .npz, "
            ".sgy, .segy, .su, or SEG-2: .seg2, .sg2, .dat.",
        ),
    ],
    output: Annotated[
        list[Path] | None, typer.Option("--output", "-o", help=".csv, .sgy, .sgt (pyGIMLi) or .png; repeatable.")
    ] = None,
    classical: Annotated[
        bool, typer.Option("--classical", help="STA/LTA with AIC instead of a network: all arguments are gathers.")
    ] = False,
    interval: Annotated[
        float | None, typer.Option(min=1e-7, max=0.1, help="Between time samples [s]; for files without one.")
    ] = None,
    confidence: Annotated[
        float | None, typer.Option(min=0, max=1, help="Leave out picks that are less sure. Default: 0.5; classical: 0.")
    ] = None,
    spacing: Annotated[float | None, typer.Option(min=1e-3, help="Of the receivers [m], the first at 0.")] = None,
    at: Annotated[str | None, typer.Option("--source", help="Position [m] of each gather's source: 1.5,9.5,…")] = None,
) -> None:
    """Pick the first breaks of recorded gathers: a time and a confidence for each trace.

    All files together are one survey, with one output. A copy of SEG-Y has the picks in its trace headers: bytes
    233-236 in microseconds after the shot (-1: none), bytes 237-240 the confidence in ten-thousandths.
    """
    if not classical and len(paths) < 2:
        raise InputError("pick: give a bundle and gathers, or --classical and gathers")

    from trials.prediction.picking.pick import pick as work

    for path in work(
        None if classical else paths[0],
        paths if classical else paths[1:],
        output or [Path("picks.csv")],
        interval=interval,
        confidence=confidence,
        spacing=spacing,
        sources=at,
    ):
        tell(f"wrote {path}")


def bench_model(
    bundle: Bundle,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A .json for the figures.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="All networks in turn, so often.")] = 5,
) -> None:
    """Measure latency, throughput and memory of a bundle beside UNet (17 M) and ResUNet34, all in one run.

    All run in ONNX Runtime on the bundle's survey, taking turns, so that other work on the machine harms them alike.
    The big networks are untrained, which changes nothing in their speed.
    """
    from trials.prediction.bench_model import bench

    check_outputs([output] if output is not None else [], [".json"], [bundle])
    rows = bench(bundle, rounds=rounds)
    table = Table("network", "parameters", "1 thread", "2 threads", "models/s", "memory", "times as fast")
    for row in rows:
        table.add_row(
            row["model"],
            f"{row['parameters']:,}",
            *(f"{row[f'latency_ms_{threads}']:.1f} ± {row[f'latency_ms_{threads}_std']:.1f} ms" for threads in (1, 2)),
            f"{row['models_per_s']:.0f}",
            f"{row['memory_mb']:.0f} MB",
            f"{rows[0]['latency_ms_1'] and row['latency_ms_1'] / rows[0]['latency_ms_1']:.1f}",
        )
    table.columns[-1].header = f"1 thread, over {rows[0]['model']}"
    console.print(table)
    if output is not None:
        with whole(output) as part:
            part.write_text(json.dumps({"bundle": bundle.name, "rows": rows}, indent=1) + "\n", encoding="utf-8")
        tell(f"wrote {output}")
