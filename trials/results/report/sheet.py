"""The report's sheet of predictions: a row a test model, each picture with its axes.

    velocity │ one shot │ truth │ RTM in v(z) │ each model     truth and images of a row share one scale

Axes and their numbers are SVG in the colour of the text around them; the picture itself is a PNG inside.
"""

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from trials.results.figures import panel_svg, picture_uri, scale_uri
from trials.results.report.report import Array, Report, Sample


@dataclass(frozen=True)
class Panel:
    """One picture of the sheet."""

    svg: Markup
    alt: str
    below: str  # its caption


def sheet_rows(report: Report) -> list[list[Panel]]:
    """A row of panels for each sample."""
    return [_row(report, sample) for sample in report.samples]


def sheet_scales(report: Report) -> dict[str, str]:
    """What the colours of the sheet mean: sentence → colour bar."""
    if not report.samples:
        return {}
    slowest, fastest = _velocity_range(report)
    scales = {f"velocity, {slowest:.0f} to {fastest:.0f} m/s": scale_uri("viridis")}
    gray = "shots and images" if report.picture.signed else "shots"
    return scales | {f"{gray}, negative to positive amplitude": scale_uri("gray")}


def _row(report: Report, sample: Sample) -> list[Panel]:
    name, kind = f"test model {sample.index}", report.picture
    slowest, fastest = _velocity_range(report)
    loudest = float(np.percentile(np.abs(sample.gather_TR), 98)) or 1.0
    truth = sample.truth_ZX
    reach = float(np.abs(truth).max()) or 1.0
    colours, low, high = ("gray", -reach, reach) if kind.signed else ("viridis", truth.min(), truth.max())

    def section(values_ZX: Array, colours: str, low: float, high: float) -> Markup:
        depth, width = report.extent
        return Markup(panel_svg(picture_uri(values_ZX, colours, low, high), width, depth, "m"))

    uri = picture_uri(sample.gather_TR, "gray", -loudest, loudest)
    gather = Markup(panel_svg(uri, report.extent[1], report.duration, "s"))
    blank = f"blank image {sample.blank_ssim:.3f}"
    panels = [
        Panel(section(sample.velocity_ZX, "viridis", slowest, fastest), f"Velocity of {name}", ""),
        Panel(gather, f"Shot gather of {name}", ""),
        Panel(section(truth, colours, low, high), f"True {kind.name} of {name}", blank),
    ]
    for maker, made in sample.predictions.items():
        alt = f"{kind.name} of {name} by {maker}"
        panels.append(Panel(section(made.image_ZX, colours, low, high), alt, f"SSIM {made.ssim:.3f}"))
    return panels


def _velocity_range(report: Report) -> tuple[float, float]:
    """Slowest and fastest velocity on the sheet [m/s]."""
    velocities = [sample.velocity_ZX for sample in report.samples]
    return float(min(v.min() for v in velocities)), float(max(v.max() for v in velocities))
