"""A picture of recordings: a row for each, its first gathers and where sources and receivers are."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from datagen.files.whole_files import whole
from trials.prediction.inspecting.content import SHOWN, Content
from trials.prediction.picking.draw_gathers import draw_gather

MOST_ROWS = 12  # recordings
MOST_PLACED = 200  # gathers whose places are drawn


def draw_contents(contents: Sequence[Content], file: Path) -> None:
    """Writes a PNG, whole or not at all.  Without an interval times are numbers of samples."""
    rows = contents[:MOST_ROWS]
    columns = max(1, *(min(SHOWN, len(each.traces)) for each in rows))
    figure = Figure(figsize=(3.6 * (columns + 1), 3.4 * len(rows)), layout="constrained")
    for row, content in zip(figure.subplots(len(rows), columns + 1, squeeze=False), rows, strict=True):
        *panels, places = row
        for number, panel in enumerate(panels):
            _draw_gather(panel, content, number)
        panels[0].set_ylabel("time [ms]" if content.interval or not content.samples else "sample")
        panels[0].set_title(f"{content.path.name}: {panels[0].get_title()}", fontsize=9)
        _draw_places(places, content)
    with whole(file) as part:
        figure.savefig(part, dpi=110, format="png")


def _draw_gather(panel: Any, content: Content, number: int) -> None:
    """Its waves, and its first breaks in red; of files without waves against the places of the receivers."""
    if number >= len(content.traces) or (content.samples and number >= len(content.shown)):
        panel.axis("off")
        return
    panel.set_title(f"gather {number}", fontsize=9)
    if content.samples:
        every = np.array([np.nan])  # no part of it
        draw_gather(panel, content.shown[number], content.interval or 1e-3, content.starts[0], every)
    if content.first_breaks is not None and (content.interval or not content.samples):
        times_R = 1e3 * content.first_breaks[number]
        across = np.arange(len(times_R)) if content.samples or content.receivers is None else content.receivers[number]
        panel.plot(across, times_R, ".", color="C3", markersize=4)
        if not content.samples:
            panel.set(xlabel="along the line [m]", ylim=(float(np.nanmax(times_R)), 0.0))


def _draw_places(panel: Any, content: Content) -> None:
    if content.receivers is None:
        panel.text(0.5, 0.5, "no positions", ha="center", va="center")
        panel.axis("off")
        return
    some = np.unique(np.linspace(0, len(content.receivers) - 1, MOST_PLACED).round().astype(int))
    for number in some:
        receivers_R = content.receivers[number]
        panel.plot(receivers_R, np.full(len(receivers_R), number), "v", color="0.6", markersize=3)
        if content.sources is not None:
            panel.plot(content.sources[number], number, "*", color="C3", markersize=7)
    panel.set(xlabel="along the line [m]", ylabel="gather", ylim=(len(content.receivers) - 0.5, -0.5))
    panel.yaxis.set_major_locator(MaxNLocator(integer=True))
    panel.set_title("sources (stars), receivers", fontsize=9)
