"""Draws docs/picks.png: recorded gathers that a picker has not seen, its picks and the labels.

python docs/pictures/make_picks_picture.py BUNDLE labelled.npz 8,2
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from matplotlib.figure import Figure

from datagen.traces.gathers import read_recording
from trials.prediction.picking.draw_gathers import draw_gather
from trials.prediction.picking.picking_network import load_network

OUTPUT = Path(__file__).parents[1] / "picks.png"


def main(
    bundle: Annotated[Path, typer.Argument(help="Bundle or finished run that picks.")],
    labelled: Annotated[Path, typer.Argument(help=".npz of gathers and first_break_s.")],
    gathers: Annotated[str, typer.Argument(help="Numbers of the gathers, with commas between.")],
) -> None:
    """Draws the gathers side by side."""
    network, recording = load_network(bundle), read_recording(labelled)
    assert recording.first_breaks is not None
    interval = recording.interval or network.survey.interval
    chosen = [int(number) for number in gathers.split(",")]
    figure = Figure(figsize=(1 + 4.2 * len(chosen), 4.4), layout="constrained")
    for axis, number in zip(figure.subplots(1, len(chosen), squeeze=False)[0], chosen, strict=True):
        gather_TR = recording.gathers[number]
        start_R, label_R = recording.starts[number], recording.first_breaks[number]
        picked = network(gather_TR, interval, start_R)
        draw_gather(axis, gather_TR, interval, float(start_R.min()), label_R)
        trace = np.arange(gather_TR.shape[1])
        axis.plot(trace, 1e3 * label_R, "_", color="tab:cyan", ms=7, mew=1.6, label="label")
        axis.plot(trace, 1e3 * picked.time_R, ".", color="tab:red", ms=4, label="pick")
        axis.set_title(f"gather {number}", fontsize=9)
        axis.legend(fontsize=7, loc="lower left")
        axis.set_ylabel("time [ms]")
    figure.savefig(OUTPUT, dpi=110)


if __name__ == "__main__":
    typer.run(main)
