"""The report as one self-contained HTML file, for light and dark screens and for paper.

Report (report.py) ─► plots (figures.py), sheet (sheet.py), trials (trial_table.py) ─► report.html
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
from markupsafe import Markup

from compressors.pareto import Point, front
from datagen.errors import InputError
from datagen.files.whole_files import whole
from datagen.full_disk import report_unwritable
from trials.results.figures import curves_svg, data_uri, pareto_svg, size_svg
from trials.results.report.report import Report
from trials.results.report.sheet import sheet_rows, sheet_scales
from trials.results.report.trial_table import trial_tables
from trials.results.yardsticks import AVERAGE, MODELS

ANOTHER_POINT = "`seisnas tune --from RUN --max-latency MS` trains another of them."


def write_report(report: Report, out: str | Path = "report.html") -> Path:
    """Writes the page and returns its path; replaces an existing page in one step.

    Raises InputError when the disk is full.
    """
    return write_page(
        "report.html",
        Path(out),
        report=report,
        picture=report.picture,
        meaning=_meaning(report),
        yardstick_models=MODELS,
        figures=_figures(report),
        sheet=sheet_rows(report),
        scales=sheet_scales(report),
        cells=_drawing(report.cells) if report.cells else None,
        stages=trial_tables(report.trials),
    )


def write_page(template: str, out: Path, **content: object) -> Path:
    """A template of this folder, filled; text in `content` cannot become markup.  Raises InputError as above."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"bytes": readable_bytes, "count": "{:,}".format}
    page = environment.get_template(template).render(**content)
    with report_unwritable(out, "the runs and bundles are kept"):
        out.parent.mkdir(parents=True, exist_ok=True)
        with whole(out) as part:
            part.write_text(page, encoding="utf-8")
    return out


def readable_bytes(count: int) -> str:
    """`2.4 MB`, in powers of ten."""
    for factor, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= factor:
            return f"{count / factor:.3g} {unit}"
    return f"{count} B"


@dataclass(frozen=True)
class Figure:
    """A plot of the page; `alt` says the same in words."""

    svg: Markup
    alt: str
    caption: str


def _meaning(report: Report) -> str:
    """What an SSIM of the test split is to be compared with."""
    known = [] if report.blank_ssim is None else [f"a blank image has {report.blank_ssim:.3f}"]
    known += [f"RTM in v(z) {report.yardsticks[AVERAGE].ssim:.3f}"] if AVERAGE in report.yardsticks else []
    return ", ".join([*known, "a perfect image 1"])


def _figures(report: Report) -> list[Figure]:
    sizes = [f"{row.name}: {row.nonzero:,} weights, {row.ssim:.3f}" for row in report.models]
    levels = {} if report.blank_ssim is None else {"blank image": report.blank_ssim}
    levels |= {"RTM in v(z)": report.yardsticks[AVERAGE].ssim} if AVERAGE in report.yardsticks else {}
    plot = size_svg(
        [(row.name, row.nonzero, row.ssim) for row in report.models],
        [(row.stage, row.nonzero, row.ssim) for row in report.trials],
        levels,
    )
    caption = "Up and to the left is better: a good image from few weights."
    if report.trials:
        caption += " Models are scored on the test split, trials on the validation split."
    figures = [Figure(Markup(plot), f"SSIM against size. {'; '.join(sizes)}", caption)]
    for stage, points, what in (
        ("search", report.searched, f"Cells that the search found, after its short training. {ANOTHER_POINT}"),
        ("compression", report.compressed, "Compressed networks."),
    ):
        if points:
            figures.append(_front(stage, points, what))
    return figures + (_curves(report) if report.curves else [])


def _front(stage: str, points: Sequence[Point], what: str) -> Figure:
    best = front(points)
    listed = [f"{p.nonzero:,} weights, {p.latency_ms:.1f} ms: SSIM {p.ssim:.3f}" for p in best]
    caption = f"{what} Validation split; those on the line no other beats in SSIM, size and latency."
    return Figure(Markup(pareto_svg(points, best)), f"Pareto front of {stage}. {'; '.join(listed)}", caption)


def _curves(report: Report) -> list[Figure]:
    blank = {} if report.blank_validation is None else {"blank image": report.blank_validation}
    figures = []
    for title, key, levels, caption in (
        ("validation SSIM", "val_ssim", blank, "Each training, epoch by epoch; higher is better."),
        ("training loss", "train_loss", {}, "Lower is better. Losses with different weights are not comparable."),
    ):
        curves = {curve.name: getattr(curve, key) for curve in report.curves}
        ends = [f"{name}: {values[-1]:.3f} after {len(values)} epochs" for name, values in curves.items()]
        plot = curves_svg(curves, title, levels)
        figures.append(Figure(Markup(plot), f"{title}. {'; '.join(ends)}", caption))
    return figures


def _drawing(file: Path) -> str:
    kinds = {".svg": "image/svg+xml", ".png": "image/png"}
    if file.suffix not in kinds:
        raise InputError(f"{file}: a drawing of the cells is .svg or .png")
    return data_uri(file.read_bytes(), kinds[file.suffix])
