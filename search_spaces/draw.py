"""Pictures of a genotype: encoder and decoder cell side by side, every operation in its own colour.

The `.dot` text is always written; `.png` and `.svg` come from Graphviz if it is installed, otherwise from matplotlib.
`none` is not drawn; `skip` is dashed.
"""

import re
import shutil
from pathlib import Path as File

import graphviz
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from matplotlib.path import Path

from search_spaces.genotype import CELLS, Cell, Genotype, edges

COLOURS = {
    "conv_3x3": "#1f5fa8",
    "sep_conv_3x3": "#2a9fd6",
    "sep_conv_5x5": "#0e7c7b",
    "sep_conv_7x7": "#12406b",
    "dil_conv_3x3": "#7b4bb3",
    "dil_sep_conv_5x5": "#c2559d",
    "mbconv_e3_3x3": "#7fb069",
    "mbconv_e3_5x5": "#4c8c2b",
    "mbconv_e3_7x7": "#2d5a1b",
    "mbconv_e4_5x5_se": "#a8a432",
    "u_fourier": "#b8860b",
    "squeeze_excite": "#e07a8b",
    "max_pool_3x3": "#d1495b",
    "avg_pool_3x3": "#d9820f",
    "skip": "#6c757d",
}
INK, PALE = "#2b2d42", "#aab0bd"
RISE = 0.36  # height of a bow for each node it spans
SINK = 0.22  # depth of a bow to the output, for each node it spans
PORTS = 0.16  # width over which bows meet a node


def draw_genotype(genotype: Genotype, path_stem: File | str) -> list[File]:
    """Writes `path_stem`.dot, .png and .svg and returns their paths."""
    source = graphviz.Source(dot(genotype))
    files = [File(f"{path_stem}.{ending}") for ending in ("dot", "png", "svg")]
    files[0].write_text(source.source, encoding="utf-8")
    if shutil.which("dot"):
        for file in files[1:]:
            file.write_bytes(source.pipe(format=file.suffix[1:]))
    else:
        figure = picture(genotype)
        for file in files[1:]:
            figure.savefig(file, dpi=160, bbox_inches="tight", facecolor="white")
    return files


def dot(genotype: Genotype) -> str:
    """The two cells in Graphviz's language."""
    graph = graphviz.Digraph("genotype")
    graph.attr(rankdir="TB", nodesep="0.7", ranksep="0.55", fontname="Helvetica", fontcolor=INK, color=PALE)
    graph.attr("node", shape="circle", fontname="Helvetica", color=INK, fontcolor=INK)
    graph.attr("edge", fontname="Helvetica", fontsize="11", penwidth="2")
    for name in CELLS:
        with graph.subgraph(name=f"cluster_{name}", graph_attr={"label": _title(genotype, name)}) as part:
            _dot_cell(part, name, getattr(genotype, name))
    text: str = graph.source
    return text


def _dot_cell(graph: graphviz.Digraph, name: str, cell: Cell) -> None:
    last = len(cell) + 1
    graph.node(f"{name}0", "in", shape="box", style="rounded")
    graph.node(f"{name}{last}", "out", shape="box", style="rounded")
    for node in range(1, last):
        graph.node(f"{name}{node}", str(node))
    for node, source in edges(len(cell)):
        operation = cell[node - 1][source]
        if operation != "none":
            look = {"color": COLOURS[operation], "fontcolor": COLOURS[operation]}
            style = "dashed" if operation == "skip" else "solid"
            graph.edge(f"{name}{source}", f"{name}{node}", f" {_readable(operation)} ", style=style, **look)
    for state in range(last):
        style = "dashed" if state == 0 else "solid"
        graph.edge(f"{name}{state}", f"{name}{last}", color=PALE, penwidth="1", style=style)


def picture(genotype: Genotype) -> Figure:
    """The two cells as bows: operations above the line of nodes, links to the output below it."""
    span = genotype.nodes + 1
    figure = Figure(figsize=(3.4 * span, 0.8 + 0.85 * span), layout="constrained")
    for name, axes in zip(CELLS, figure.subplots(1, 2), strict=True):
        _draw_cell(axes, getattr(genotype, name))
        axes.set_title(_title(genotype, name), color=INK, fontsize=13, fontweight="bold")
    return figure


def _draw_cell(axes: Axes, cell: Cell) -> None:
    last = len(cell) + 1
    for state in range(last):
        _arc(axes, state, last, last, -SINK, PALE, dashed=state == 0, thickness=1.0)
    for node, source in edges(len(cell)):
        operation = cell[node - 1][source]
        if operation != "none":
            dashed = operation == "skip"
            _arc(axes, source, node, last, RISE, COLOURS[operation], dashed=dashed, thickness=2.4)
            _label(axes, (source + node) / 2, RISE * (node - source), operation)
    for state in range(last + 1):
        text = {0: "in", last: "out"}.get(state, str(state))
        shape = "round,pad=0.45" if state in (0, last) else "circle,pad=0.4"
        box = {"boxstyle": shape, "facecolor": "white", "edgecolor": INK, "linewidth": 1.4}
        axes.text(state, 0, text, ha="center", va="center", fontsize=11, color=INK, bbox=box, zorder=4)
    axes.set(xlim=(-0.3, last + 0.3), ylim=(-SINK * last - 0.15, RISE * (last - 1) + 0.2), aspect="equal")
    axes.axis("off")


def _arc(
    axes: Axes, start: int, end: int, states: int, rise: float, colour: str, *, dashed: bool, thickness: float
) -> None:
    """A bow from state to state, `rise` high for each node it spans, with an arrow head.

    Longer bows leave further left and arrive further right, so that a node's bows do not cross.
    """
    span = end - start
    port = PORTS * (span / states - 0.5)
    foot = (start - port, 0.0), (end + port, 0.13 if rise > 0 else -0.13)
    top = 4 / 3 * rise * span
    path = Path(
        [foot[0], (start - port + 0.12 * span, top), (end + port - 0.12 * span, top), foot[1]],
        [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4],
    )
    axes.add_patch(
        FancyArrowPatch(
            path=path,
            arrowstyle="-|>",
            mutation_scale=13,
            color=colour,
            linewidth=thickness,
            linestyle=(0, (3, 2)) if dashed else "solid",
            zorder=2 if rise > 0 else 1,
        )
    )


def _label(axes: Axes, x: float, y: float, operation: str) -> None:
    box = {"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": "none"}
    axes.text(
        x,
        y,
        _readable(operation),
        ha="center",
        va="center",
        fontsize=10,
        color=COLOURS[operation],
        bbox=box,
        zorder=3,
    )


def _title(genotype: Genotype, cell: str) -> str:
    entrance = {"encoder": "down", "decoder": "up"}[cell]
    return f"{cell} cell, {entrance} through {_readable(getattr(genotype, entrance))}"


def _readable(operation: str) -> str:
    return re.sub(r"(\d)x(\d)", r"\1×\2", operation).replace("_", " ")
