"""The command `seisnas pick`."""

from pathlib import Path
from typing import Annotated

import typer

from trials.commands.options import app, console


@app.command()
def pick(
    source: Annotated[Path, typer.Argument(metavar="BUNDLE", help="Folder of a bundle, or of a finished run.")],
    gathers: Annotated[Path, typer.Argument(help=".npy, .npz, .sgy, .segy, .su, or SEG-2: .seg2, .sg2, .dat.")],
    output: Annotated[
        list[Path] | None, typer.Option("--output", "-o", help=".csv, .sgy, .sgt (pyGIMLi) or .png; repeatable.")
    ] = None,
    interval: Annotated[
        float | None, typer.Option(min=1e-7, max=0.1, help="Between time samples [s]; for files that do not tell.")
    ] = None,
    confidence: Annotated[float, typer.Option(min=0, max=1, help="Leave out picks that are less sure.")] = 0.0,
    spacing: Annotated[float | None, typer.Option(min=1e-3, help="Of the receivers [m], the first at 0.")] = None,
    at: Annotated[str | None, typer.Option("--source", help="Position [m] of each gather's source: 1.5,9.5,…")] = None,
) -> None:
    """Pick the first breaks of recorded gathers: a time and a confidence for each trace.

    A copy of SEG-Y has the picks in its trace headers: bytes 233-236 in microseconds after the shot (-1: none), bytes
    237-240 the confidence in ten-thousandths.
    """
    from trials.prediction.pick import pick as work

    for path in work(
        source,
        gathers,
        output or [Path("picks.csv")],
        interval=interval,
        confidence=confidence,
        spacing=spacing,
        sources=at,
    ):
        console.print(f"wrote {path}", soft_wrap=True)
