"""Figures of the report as text for one HTML file: plots as SVG, sections and gathers as PNG.

Text and axes take the colour of the surrounding text, so that a plot is legible on light and dark backgrounds.
"""

import base64
import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import imsave
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from compressors.pareto import Point
from trials.training.pictures.sheet import ticks

Array = NDArray[Any]

PALETTE = ("#5b8ec4", "#dd7f32", "#2fa37c", "#b26cc4", "#c4a12f", "#d05a6e")
MARKERS = ("o", "s", "D", "^", "v", "P")
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))
INK = "#010203"  # becomes `currentColor`
PANEL = 150  # [CSS pixels] of a picture with axes, its height
MOST_ROWS = 256  # of an embedded image; a gather has more samples than a screen can show


def curves_svg(curves: Mapping[str, Sequence[float]], title: str, levels: Mapping[str, float] | None = None) -> str:
    """Learning curves: model → a value per epoch.  `levels`: name → a value to compare with, as a thin line."""
    figure, axes = _plot(title, "epoch")
    for index, (model, values) in enumerate(curves.items()):
        axes.plot(
            range(1, len(values) + 1),
            values,
            color=PALETTE[index % len(PALETTE)],
            linestyle=DASHES[index % len(DASHES)],
            marker=MARKERS[index % len(MARKERS)] if len(values) < 30 else None,
            markersize=4,
            linewidth=1.8,
            label=model,
        )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _draw_levels(axes, levels)
    return _svg(figure, title.replace(" ", "-"))


def pareto_svg(points: Sequence[Point], front: Sequence[Point]) -> str:
    """SSIM against size, with the latency as colour; a line joins the points of the front."""
    figure, axes = _plot("SSIM", "weights that are not zero")
    axes.plot([p.nonzero for p in front], [p.ssim for p in front], color=INK, linewidth=1.2, label="Pareto front")
    drawn = axes.scatter(
        [p.nonzero for p in points],
        [p.ssim for p in points],
        s=45,
        c=[p.latency_ms for p in points],
        cmap="viridis",
        zorder=3,
    )
    bar = figure.colorbar(drawn)
    bar.set_label("latency [ms]", color=INK)
    bar.ax.tick_params(colors=INK)
    bar.outline.set_edgecolor(INK)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.margins(x=0.12, y=0.15)
    return _svg(figure, "pareto")


def size_svg(
    models: Sequence[tuple[str, int, float]],
    trials: Sequence[tuple[str, int, float]],
    levels: Mapping[str, float] | None = None,
) -> str:
    """SSIM against size.  `models`: name, weights, test SSIM; `trials`: stage, weights, validation SSIM.

    `levels`: name → the SSIM of images that need no network.
    """
    figure, axes = _plot("SSIM", "weights that are not zero")
    for index, (name, size, ssim) in enumerate(models):
        colour, marker = PALETTE[index % len(PALETTE)], MARKERS[index % len(MARKERS)]
        axes.scatter(size, ssim, s=75, marker=marker, color=colour, zorder=3, label=name)
    for number, stage in enumerate(dict.fromkeys(stage for stage, _, _ in trials)):
        sizes, ssims = zip(*[trial[1:] for trial in trials if trial[0] == stage], strict=True)
        mark = "+x1234"[number % 6]
        axes.scatter(sizes, ssims, s=24, marker=mark, color=INK, alpha=0.5, label=f"{stage} trials")
    axes.set_xscale("log")
    axes.margins(x=0.12, y=0.15)
    _draw_levels(axes, levels)
    return _svg(figure, "size")


def importance_svg(found: Mapping[str, tuple[float, float]], chance: float, name: str) -> str:
    """A bar a setting: its importance and spread; `chance`: what one that does not matter may have."""
    figure, axes = _plot(f"{name}: what mattered to the SSIM", "importance, 0 to 1", height=1.5 + 0.32 * len(found))
    names, shares, spreads = list(found), [each[0] for each in found.values()], [each[1] for each in found.values()]
    places = range(len(found))
    axes.barh(places, shares, xerr=spreads, color=PALETTE[0], ecolor=INK, height=0.6, capsize=3)
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.05)
    axes.axvline(chance, color=INK, linestyle=":", linewidth=1.2, label="chance alone, 1 time in 20")
    return _svg(figure, f"importance-{name.replace(' ', '-')}")


def panel_svg(uri: str, width: float, depth: float, unit: str) -> str:
    """A picture with its axes as an SVG element: `width` [m] to the right, `depth` downwards in `unit`."""
    high, wide = PANEL, PANEL * (min(3.0, max(0.4, width / depth)) if unit == "m" and depth else 1.0)
    parts = [f'<image href="{uri}" width="{wide:.0f}" height="{high}" preserveAspectRatio="none"/>']
    parts.append(f'<rect width="{wide:.0f}" height="{high}" fill="none" stroke="currentColor" stroke-opacity="0.4"/>')
    for value in ticks(width):
        x = wide * value / width
        parts.append(f'<text x="{x:.1f}" y="{high + 16}" text-anchor="middle">{value:g}</text>')
    for value in ticks(depth):
        y = high * value / depth
        parts.append(f'<text x="-4" y="{y + 5:.1f}" text-anchor="end">{value:g}</text>')
    parts.append(f'<text x="-4" y="12" text-anchor="end">{unit}</text>')
    parts.append(f'<text x="0" y="{high + 16}" text-anchor="middle">m</text>')
    box = f"-38 -2 {wide + 52:.0f} {high + 24}"
    shape = 'fill="currentColor" font-size="14"'
    return f'<svg aria-hidden="true" viewBox="{box}" xmlns="http://www.w3.org/2000/svg" {shape}>{"".join(parts)}</svg>'


def picture_uri(image: Array, colours: str, lowest: float, highest: float) -> str:
    """An array [rows, columns] as a PNG data URI, one pixel per value; long ones are thinned out."""
    step = max(1, len(image) // MOST_ROWS)
    buffer = io.BytesIO()
    imsave(buffer, np.asarray(image[::step], np.float32), vmin=lowest, vmax=highest, cmap=colours, format="png")
    return data_uri(buffer.getvalue(), "image/png")


def scale_uri(colours: str) -> str:
    """The colours of a picture from lowest to highest."""
    return picture_uri(np.linspace(0, 1, 128)[None], colours, 0, 1)


def data_uri(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _draw_levels(axes: Axes, levels: Mapping[str, float] | None) -> None:
    for number, (name, value) in enumerate((levels or {}).items()):
        axes.axhline(value, color=INK, linestyle=(":", (0, (6, 2)))[number % 2], linewidth=1, alpha=0.8, label=name)


def _plot(title: str, x_label: str, height: float = 3.5) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(4.1, height), layout="constrained")
    axes = figure.subplots()
    axes.set_title(title, color=INK, fontsize=11, loc="left")
    axes.set_xlabel(x_label, color=INK)
    axes.tick_params(colors=INK, which="both")
    axes.grid(color=INK, alpha=0.13, linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(INK)
    return figure, axes


def _svg(figure: Figure, prefix: str) -> str:
    """The figure with its legend as an SVG element; its ids get a prefix, because a page holds several."""
    with matplotlib.rc_context({"text.parse_math": False}):  # a name may have dollars
        figure.legend(loc="outside lower left", ncols=2, frameon=False, labelcolor=INK, fontsize=9)
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": prefix}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r'(id="|url\(#|href="#)', rf"\g<1>{prefix}-", text)
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = text.replace("<svg ", '<svg aria-hidden="true" ', 1)
    return text.replace(INK, "currentColor")
