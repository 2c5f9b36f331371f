"""A picture of recordings: a row for each, its first gathers and where sources and receivers are."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from datagen.files.whole_files import whole
from trials.prediction.inspecting.content import SHOWN, Content
from trials.prediction.picking.pick_files import draw_gather

MOST_ROWS = 12  # recordings
MOST_PLACED = 200  # gathers whose places are drawn


def draw_contents(contents: Sequence[Content], file: Path) -> None:
    """Writes a PNG, whole or not at all.  Without an interval times are numbers of samples."""
    rows = contents[:MOST_ROWS]
    figure = Figure(figsize=(3.4 * (SHOWN + 1), 3.4 * len(rows)), layout="constrained")
    for row, content in zip(figure.subplots(len(rows), SHOWN + 1, squeeze=False), rows, strict=True):
        *panels, places = row
        for number, panel in enumerate(panels):
            if number < len(content.shown):
                draw_gather(panel, content.shown[number], content.interval or 1e-3, content.starts[0])
                panel.set_title(f"gather {number}", fontsize=9)
            else:
                panel.axis("off")
        panels[0].set_ylabel("time [ms]" if content.interval else "sample")
        _draw_places(places, content)
        title = f"{content.path.name}, {len(content.traces)} gathers"
        panels[0].set_title(f"{title}\ngather 0", fontsize=9, loc="left")
    with whole(file) as part:
        figure.savefig(part, dpi=110, format="png")


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
    panel.set_title("sources (stars), receivers", fontsize=9)
