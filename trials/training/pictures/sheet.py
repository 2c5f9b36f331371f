"""A small picture of what a network predicts: truth, prediction and difference side by side, axes in metres.

           truth      prediction   difference
    depth  ┌──────┐   ┌──────┐     ┌──────┐
     [m]   └──────┘   └──────┘     └──────┘        a row for each model and picture; below, what the colours mean
           distance [m]

Drawn with Pillow in hundredths of a second, because every epoch has one.  The background is transparent and the ink a
middle gray, so that it is legible on light and dark pages.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from compressors.outputs import Picture
from datagen.config import Grid

INK = (128, 138, 147, 255)
FONT = 26  # [pixels]
GAP, LEFT, TITLE, BAR = 20, 108, 40, 16  # [pixels] between panels, for depths, for a line of text, of a colour bar
PANEL = 256  # [pixels] at least, of a panel's longer side; coarse grids get whole pixels a cell
TICKS = 4  # about so many on an axis
STEPS = (1, 2, 5, 10)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One picture of one model, in the units of `picture`."""

    label: str
    picture: Picture
    truth_ZX: NDArray[Any]
    prediction_ZX: NDArray[Any]
    ssim: float


def draw_sheet(rows: Sequence[Row], grid: Grid, heading: str) -> Image.Image:
    """The rows, with `heading` above the predictions; each kind of picture has one colour scale."""
    kinds = {row.picture.name: _Colours.of([each for each in rows if each.picture == row.picture]) for row in rows}
    width, height = _panel_size(grid)
    sheet_width = LEFT + 3 * width + 2 * GAP + GAP
    bottom = TITLE + len(rows) * (TITLE + height + GAP)
    legend = [meaning for colours in kinds.values() for meaning in colours.meanings]
    sheet = Image.new("RGBA", (sheet_width, bottom + (2 + len(legend)) * TITLE), (0, 0, 0, 0))
    pen = ImageDraw.Draw(sheet)
    left = [LEFT + column * (width + GAP) for column in range(3)]
    for x, title in zip(left, ("truth", heading, "difference"), strict=True):
        _write(pen, x + width / 2, TITLE / 2, title, "mm")
    for number, row in enumerate(rows):
        top = TITLE + number * (TITLE + height + GAP)
        _write(pen, left[0], top + TITLE / 2 + 3, row.label, "lm")
        _write(pen, left[1], top + TITLE / 2 + 3, f"SSIM {row.ssim:.3f}", "lm")
        top += TITLE
        colours = kinds[row.picture.name]
        panels = (
            colours.image(row.truth_ZX),
            colours.image(row.prediction_ZX),
            colours.difference(row.prediction_ZX - row.truth_ZX),
        )
        for x, panel in zip(left, panels, strict=True):
            sheet.paste(_fitted(panel, width, height), (x, top))
            pen.rectangle((x - 1, top - 1, x + width, top + height), outline=INK)
        _depths(pen, left[0], top, height, grid)
    for x in left:
        _distances(pen, x, bottom - GAP, width, grid)
    _write(pen, left[2] + width, bottom + TITLE + 4, "distance [m]", "rm")
    _write(pen, 0, TITLE + TITLE / 2 + 3, "depth", "lm")
    _write(pen, 0, TITLE + TITLE + 6, "[m]", "lt")
    for number, (colours_of, words) in enumerate(legend):
        middle = bottom + 2 * TITLE + (number + 0.5) * TITLE
        bar = _coloured(np.linspace(0, 1, width)[None], colours_of, 0, 1)
        sheet.paste(_fitted(bar, width, BAR), (left[0], round(middle - BAR / 2)))
        _write(pen, left[1], middle, words, "lm")
    return sheet


@dataclass(frozen=True)
class _Colours:
    """How one kind of picture is coloured."""

    picture: Picture
    low: float
    high: float
    reach: float  # of differences

    @classmethod
    def of(cls, rows: Sequence[Row]) -> "_Colours":
        truth = np.stack([row.truth_ZX for row in rows])
        if rows[0].picture.signed:
            reach = float(np.percentile(np.abs(truth), 99.5)) or 1.0
            return cls(rows[0].picture, -reach, reach, reach)
        low, high = float(truth.min()), float(truth.max())
        return cls(rows[0].picture, low, high, (high - low) / 4 or 1.0)

    @property
    def name(self) -> str:
        return "gray" if self.picture.signed else "viridis"

    def image(self, values_ZX: NDArray[Any]) -> Image.Image:
        return _coloured(values_ZX, self.name, self.low, self.high)

    def difference(self, values_ZX: NDArray[Any]) -> Image.Image:
        return _coloured(values_ZX, "gray" if self.picture.signed else "RdBu_r", -self.reach, self.reach)

    @property
    def meanings(self) -> list[tuple[str, str]]:
        """Each colour map, and what its ends mean."""
        if self.picture.signed:
            return [(self.name, f"{self.picture.name}, negative to positive")]
        unit = self.picture.unit
        return [
            (self.name, f"{self.picture.name}, {self.low:.0f} to {self.high:.0f} {unit}"),
            ("RdBu_r", f"difference, \u2212{self.reach:.0f} to {self.reach:.0f} {unit}"),
        ]


def _coloured(values_ZX: NDArray[Any], colours: str, low: float, high: float) -> Image.Image:
    share = (np.asarray(values_ZX, np.float32) - low) / max(high - low, 1e-12)
    return Image.fromarray(_table(colours)[(np.nan_to_num(share).clip(0, 1) * 255).astype(np.uint8)])


@cache
def _table(colours: str) -> NDArray[np.uint8]:
    """The 256 colours of a matplotlib map `[256, 3]`."""
    return (matplotlib.colormaps[colours](np.linspace(0, 1, 256))[:, :3] * 255).astype(np.uint8)


@cache
def _font() -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")), FONT)


def _panel_size(grid: Grid) -> tuple[int, int]:
    """Width and height [pixels]: whole pixels a cell for coarse grids, as many as fit for fine ones."""
    longest = max(grid.nx, grid.nz)
    factor = max(1, round(PANEL / longest)) if longest < 1.5 * PANEL else PANEL / longest
    return max(8, round(grid.nx * factor)), max(8, round(grid.nz * factor))


def _fitted(panel: Image.Image, width: int, height: int) -> Image.Image:
    finer = panel.width > width or panel.height > height
    return panel.resize((width, height), Image.Resampling.BOX if finer else Image.Resampling.NEAREST)


def _depths(pen: ImageDraw.ImageDraw, x: float, top: float, height: int, grid: Grid) -> None:
    for value in ticks(grid.nz * grid.spacing):
        y = top + height * value / (grid.nz * grid.spacing)
        pen.line((x - 7, y, x - 2, y), INK, 2)
        _write(pen, x - 11, y, f"{value:g}", "rm")


def _distances(pen: ImageDraw.ImageDraw, left: float, bottom: float, width: int, grid: Grid) -> None:
    for value in ticks(grid.nx * grid.spacing):
        x = left + width * value / (grid.nx * grid.spacing)
        pen.line((x, bottom + 2, x, bottom + 7), INK, 2)
        _write(pen, x, bottom + 11, f"{value:g}", "mt")


def ticks(length: float) -> list[float]:
    """Some round values of an axis from 0 to `length`, without the 0."""
    power = 10.0 ** np.floor(np.log10(length / TICKS))
    step = next(power * each for each in STEPS if power * each >= length / TICKS)
    return [float(step * number) for number in range(1, int(length / step) + 1)]


def _write(pen: ImageDraw.ImageDraw, x: float, y: float, words: str, anchor: str) -> None:
    pen.text((x, y), words, INK, _font(), anchor=anchor)
