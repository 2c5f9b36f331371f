"""Draws the pictures of docs/geology.md: a velocity model in the making, models of every family, and wide ground.

python docs/pictures/make_geology_pictures.py

They come from `draw_velocity` alone: what is switched off leaves the draws of the rest as they were, so a model in
the making is the same sample with its later features still switched off.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import skimage
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from datagen.config import Data, Geology, Grid, Salt, Split, Survey
from datagen.preset import read_data
from datagen.velocity import draw_velocity
from datagen.waves.migration import smooth_velocity

DOCS = Path(__file__).parents[1]
STYLE = Path(skimage.__file__).parent / "data" / "chelsea.png"  # a photograph of a cat, CC0
FAMILIES = ("flat", "curved", "flat_fault", "curved_fault", "layered", "style")
SPACING = 10.0  # [m]
LIMITS = (1500.0, 4500.0)  # [m/s] of the colours
SHALLOW_TO_SALT = LinearSegmentedColormap.from_list(
    "sediments", ["#12355b", "#1f7a8c", "#8fc1a9", "#f2e2ba", "#e0a458", "#a44a3f", "#4a1c2c"]
)

GEOLOGY = Geology(
    layers=(8, 14),
    velocity=(1500.0, 4000.0),
    gradient=(0.2, 0.4),
    thin_beds=(3, 5),
    thin_bed_thickness=(20.0, 50.0),
    thin_bed_contrast=(300.0, 600.0),
    fold_amplitude=(0.01, 0.04),
    faults=(2, 3),
    water_depth=(80.0, 320.0),
)
SALT = Salt(probability=1.0, hulls=(3, 3), rugosity=(25.0, 40.0), inclusions=(3, 5), inclusion_size=(120.0, 300.0))
NO_SALT = replace(SALT, probability=0.0)
INDEX = 7


def data(geology: Geology, salt: Salt) -> Data:
    return Data(
        folder="none",
        seed=2022,
        grid=Grid(nz=200, nx=300, spacing=SPACING),
        geology=geology,
        salt=salt,
        survey=Survey(shots=5, receivers=70, frequency=12.0, interval=0.001, samples=1000),
        split=Split(train=1, validation=1, test=1),
    )


def steps() -> Iterator[tuple[str, np.ndarray]]:
    """One sample, a feature more each time: (title, velocity_ZX)."""
    shown: dict[str, Any] = dict.fromkeys(("thin_beds", "faults"), (0, 0))
    shown |= dict.fromkeys(("gradient", "dip", "fold_amplitude", "water_depth"), (0.0, 0.0))
    salt = NO_SALT
    for title, features in (
        ("layers", ()),
        ("+ thin beds", ("thin_beds",)),
        ("+ velocity gradient", ("gradient",)),
        ("+ folds and dip", ("fold_amplitude", "dip")),
        ("+ faults", ("faults",)),
        ("+ water", ("water_depth",)),
    ):
        for feature in features:
            del shown[feature]
        yield title, draw_velocity(data(replace(GEOLOGY, **shown), salt), INDEX)
    for hulls in range(1, SALT.hulls[1] + 1):
        salt = replace(SALT, hulls=(hulls, hulls), rugosity=(0.0, 0.0), inclusions=(0, 0))
        yield f"+ salt, hull {hulls}", draw_velocity(data(GEOLOGY, salt), INDEX)
    yield "+ rugosity", draw_velocity(data(GEOLOGY, replace(SALT, inclusions=(0, 0))), INDEX)
    velocity_ZX = draw_velocity(data(GEOLOGY, SALT), INDEX)
    yield "+ inclusions: the model", velocity_ZX
    yield "smoothed: migration velocity", smooth_velocity(velocity_ZX[None], 100.0 / SPACING)[0]


def panel(axes: Axes, velocity_ZX: np.ndarray, title: str, spacing: float, limits: tuple[float, float] = LIMITS) -> Any:
    nz, nx = velocity_ZX.shape
    axes.set_title(title, fontsize=10)
    axes.tick_params(labelsize=8)
    return axes.imshow(
        velocity_ZX, cmap=SHALLOW_TO_SALT, vmin=limits[0], vmax=limits[1], extent=(0, nx * spacing, nz * spacing, 0)
    )


def sheet(rows: int, columns: int, size: tuple[float, float]) -> tuple[Figure, np.ndarray]:
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for row in axes:
        row[0].set_ylabel("depth [m]", fontsize=9)
    for one in axes[-1]:
        one.set_xlabel("distance [m]", fontsize=9)
    return figure, axes


def save(figure: Figure, axes: np.ndarray, picture: Any, path: Path) -> None:
    figure.colorbar(picture, ax=axes, label="velocity [m/s]", shrink=0.6, pad=0.01)
    figure.savefig(path, dpi=78, pil_kwargs={"optimize": True})


def draw_steps(path: Path) -> None:
    figure, axes = sheet(3, 4, (14, 7.2))
    for one, (number, (title, velocity_ZX)) in zip(axes.flat, enumerate(steps(), start=1), strict=True):
        picture = panel(one, velocity_ZX, f"{number}  {title}", SPACING)
    save(figure, axes, picture, path)


def draw_gallery(path: Path) -> None:
    """Rows are land thrice, land with salt, sea with salt, eroded land; `layered` shows samples of its own."""
    figure, axes = sheet(6, len(FAMILIES), (13.5, 9.1))
    for column, family in enumerate(FAMILIES):
        for row in range(6):
            index = 10 + row + (100 if family == "layered" else 0)
            velocity_ZX = draw_velocity(data(of_gallery(family, row), SALT if row in (3, 4) else NO_SALT), index)
            picture = panel(axes[row, column], velocity_ZX, family if row == 0 else "", SPACING)
    save(figure, axes, picture, path)


def draw_wide(path: Path) -> None:
    """The first samples of presets/openfwi_wide.yml."""
    wide = read_data(DOCS.parent / "presets" / "openfwi_wide.yml", {})
    figure, axes = sheet(2, 8, (13.5, 3.9))
    for index, one in enumerate(axes.flat):
        picture = panel(one, draw_velocity(wide, index), "", wide.grid.spacing, wide.geology.velocity)
    save(figure, axes, picture, path)


def of_gallery(family: Any, row: int) -> Geology:
    return replace(
        GEOLOGY,
        family=family,
        layers=(5, 16),
        gradient=(0.0, 0.4),
        inversions=0.1 * row,
        taller=(0.0, 6000.0) if row == 5 else (0.0, 0.0),
        thin_beds=(0, 3),
        fold_amplitude=(0.0, 0.05),
        faults=(0, 3),
        water_depth=(50.0, 500.0) if row == 4 else (0.0, 0.0),
        style_image=str(STYLE),
        style_smoothing=(20.0, 60.0),
    )


if __name__ == "__main__":
    draw_steps(DOCS / "velocity_steps.png")
    draw_gallery(DOCS / "velocity_gallery.png")
    draw_wide(DOCS / "velocity_wide.png")
