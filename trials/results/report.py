"""The report: one self-contained HTML file with the results and how to reproduce them.

run folders ─► ModelRow, Curve, TrialRow, Sample ─► Report ─► report.html
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from compressors.outputs import OUTPUTS, Picture
from compressors.pareto import Point, front
from datagen.errors import InputError
from datagen.files.whole_files import whole
from datagen.full_disk import report_unwritable
from datagen.targets import TargetName
from trials.results.figures import curves_svg, data_uri, pareto_svg, picture_uri, scale_uri, size_svg
from trials.running.run_folder import RunFolder

Array = NDArray[Any]
"""Floating point, shape letters in the name."""


@dataclass(frozen=True, kw_only=True)
class ModelRow:
    """One line of the table; scores are means over the test split."""

    name: str
    parameters: int
    nonzero: int
    file_bytes: int  # of the weights
    packed_bytes: int | None = None  # of the packed weights: what zeros save
    latency_ms: float
    ssim: float
    correlation: float
    mae: float  # in units of the normalised image


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A training; one value per epoch."""

    name: str
    train_loss: tuple[float, ...]
    val_ssim: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class TrialRow:
    """One trial of the NNI experiment."""

    number: int
    stage: str
    nonzero: int
    ssim: float  # validation
    settings: Mapping[str, Any]  # of its stage


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """One model's image of a sample's shots."""

    image_ZX: Array  # in the units of the sample's truth
    ssim: float


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A model of the test split."""

    index: int  # in the split
    velocity_ZX: Array  # [m/s]
    gather_TR: Array  # one of its shots
    truth_ZX: Array
    predictions: Mapping[str, Prediction]  # model → image


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything the page shows.  The first model is the reference, the last one the final bundle."""

    title: str
    target: TargetName
    models: tuple[ModelRow, ...]
    curves: tuple[Curve, ...] = ()
    trials: tuple[TrialRow, ...] = ()
    compressed: tuple[Point, ...] = ()  # the compress trials
    samples: tuple[Sample, ...] = ()
    extent: tuple[float, float] = (0.0, 0.0)  # depth and width of a section [m]
    duration: float = 0.0  # of a gather [s]
    yardsticks: Mapping[str, float] = field(default_factory=dict)  # SSIM of images that need no network
    cells: Path | None = None  # drawing of the cells, .svg or .png
    commands: tuple[str, ...] = ()
    provenance: Mapping[str, str] = field(default_factory=dict)

    @property
    def picture(self) -> Picture:
        """How truth and predictions are shown."""
        return OUTPUTS[self.target].pictures[-1]


def read_curve(run: RunFolder, name: str) -> Curve:
    """The epochs of a run, phase after phase.

    Raises InputError when the run left no metrics.
    """
    # An interrupted run wrote its last epoch twice: the later one counts.
    rows = {(row["phase"], row["epoch"]): row for row in run.metrics if "val_ssim" in row}
    if not rows:
        raise InputError(f"{run.path}: metrics.jsonl holds no epoch with val_ssim; give the folder of a training")
    return Curve(
        name=name,
        train_loss=tuple(row.get("train_loss", np.nan) for row in rows.values()),
        val_ssim=tuple(row["val_ssim"] for row in rows.values()),
    )


def write_report(report: Report, out: str | Path = "report.html") -> Path:
    """Writes the page and returns its path; replaces an existing page in one step.

    Raises InputError when the disk is full.
    """
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"bytes": readable_bytes, "count": "{:,}".format}
    template = environment.from_string(Path(__file__).with_name("report.html").read_text(encoding="utf-8"))
    page = template.render(
        report=report,
        picture=report.picture,
        figures=_figures(report),
        sheet=[_panels(report, sample) for sample in report.samples],
        scales=_scales(report),
        cells=_drawing(report.cells) if report.cells else None,
    )
    out = Path(out)
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
class _Figure:
    """A plot of the page; `alt` says the same in words."""

    svg: Markup
    alt: str
    caption: str


def _figures(report: Report) -> list[_Figure]:
    sizes = [f"{row.name}: {row.nonzero:,} weights, {row.ssim:.3f}" for row in report.models]
    plot = size_svg(
        [(row.name, row.nonzero, row.ssim) for row in report.models],
        [(row.stage, row.nonzero, row.ssim) for row in report.trials],
    )
    caption = "Up and to the left is better: a good image from few weights."
    if report.trials:
        caption += " Models are scored on the test split, trials on the validation split."
    figures = [_Figure(Markup(plot), f"SSIM against size. {'; '.join(sizes)}", caption)]
    if report.compressed:
        best = front(report.compressed)
        listed = [f"{p.nonzero:,} weights, {p.latency_ms:.1f} ms: SSIM {p.ssim:.3f}" for p in best]
        caption = "Compressed networks, validation split; those on the line no other beats in SSIM, size and latency."
        plot = pareto_svg(report.compressed, best)
        figures.append(_Figure(Markup(plot), f"Pareto front of compression. {'; '.join(listed)}", caption))
    if report.curves:
        for title, key, caption in (
            ("validation SSIM", "val_ssim", "Each training, epoch by epoch; higher is better."),
            ("training loss", "train_loss", "Lower is better. Losses with different weights are not comparable."),
        ):
            curves = {curve.name: getattr(curve, key) for curve in report.curves}
            ends = [f"{name}: {values[-1]:.3f} after {len(values)} epochs" for name, values in curves.items()]
            figures.append(_Figure(Markup(curves_svg(curves, title)), f"{title}. {'; '.join(ends)}", caption))
    return figures


@dataclass(frozen=True)
class _Panel:
    """One picture of the sheet."""

    uri: str
    alt: str
    below: str  # its caption


def _panels(report: Report, sample: Sample) -> list[_Panel]:
    """Velocity, gather, truth and predictions; truth and predictions share one scale."""
    name = f"test model {sample.index}"
    fastest, slowest = _velocity_range(report)
    loudest = float(np.percentile(np.abs(sample.gather_TR), 98)) or 1.0
    truth, picture = sample.truth_ZX, report.picture
    reach = float(np.abs(truth).max()) or 1.0
    colours, low, high = ("gray", -reach, reach) if picture.signed else ("viridis", truth.min(), truth.max())
    panels = [
        _Panel(picture_uri(sample.velocity_ZX, "viridis", slowest, fastest), f"Velocity of {name}", ""),
        _Panel(picture_uri(sample.gather_TR, "gray", -loudest, loudest), f"Shot gather of {name}", ""),
        _Panel(picture_uri(truth, colours, low, high), f"True {picture.name} of {name}", ""),
    ]
    for model, prediction in sample.predictions.items():
        panels.append(
            _Panel(
                picture_uri(prediction.image_ZX, colours, low, high),
                f"{picture.name} of {name} predicted by {model}",
                f"SSIM {prediction.ssim:.3f}",
            )
        )
    return panels


def _velocity_range(report: Report) -> tuple[float, float]:
    """Fastest and slowest velocity on the sheet [m/s]."""
    velocities = [sample.velocity_ZX for sample in report.samples]
    return float(max(v.max() for v in velocities)), float(min(v.min() for v in velocities))


def _scales(report: Report) -> dict[str, str]:
    """What the colours of the sheet mean: sentence → colour bar."""
    if not report.samples:
        return {}
    fastest, slowest = _velocity_range(report)
    scales = {f"velocity, {slowest:.0f} to {fastest:.0f} m/s": scale_uri("viridis")}
    gray = "shots and images" if report.picture.signed else "shots"
    return scales | {f"{gray}, negative to positive amplitude": scale_uri("gray")}


def _drawing(file: Path) -> str:
    kinds = {".svg": "image/svg+xml", ".png": "image/png"}
    if file.suffix not in kinds:
        raise InputError(f"{file}: a drawing of the cells is .svg or .png")
    return data_uri(file.read_bytes(), kinds[file.suffix])
