"""Draws docs/chain.png, the picture of the chain in the README, from what `make run` left.

python docs/make_pictures.py

With the Marmousi model (raw float32 of 221 × 601, km/s) it draws docs/marmousi_data.png for docs/data.md instead:

python docs/make_pictures.py --marmousi marmousi_vp_221x601.bin
"""

import argparse
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import imread

from compressors.imager import Imager
from datagen.config import Data, Grid, Split, Survey, VelocityFile
from datagen.dataset import ShardDataset
from datagen.modelling import WaveEngine
from datagen.sections import parts
from datagen.velocity import draw_velocity
from datagen.velocity_files import open_models, pinned
from search_spaces.draw import picture
from search_spaces.genotype import Genotype

BUNDLE = Path("exports/quickstart")
SAMPLE = 1  # of the test split
OUT = Path("docs/chain.png")
MARMOUSI_OUT = Path("docs/marmousi_data.png")


def panel(axes: Axes, picture: np.ndarray, title: str, colours: str, reach: float | None = None) -> None:
    low, high = (-reach, reach) if reach else (None, None)
    axes.imshow(picture, cmap=colours, vmin=low, vmax=high, aspect="auto", interpolation="nearest")
    axes.set_title(title, fontsize=11)
    axes.set_xticks([])
    axes.set_yticks([])


def cells(genotype: Genotype) -> np.ndarray:
    file = io.BytesIO()
    picture(genotype).savefig(file, dpi=150, facecolor="white")
    file.seek(0)
    return imread(file)


def marmousi(path: str) -> None:
    """Where the sections of each split are cut, and one of them with its shot and its RTM image."""
    file = VelocityFile(path=path, shape=(221, 601), spacing=(15.0,), unit=1000.0, clip=(1500.0, 6000.0))
    data = pinned(
        Data(
            folder="",
            grid=Grid(nz=200, nx=180, spacing=10.0),
            velocity_file=replace(file, top=(0.0, 1200.0)),
            survey=Survey(shots=12, receivers=180, frequency=15.0, interval=0.001, samples=1800),
            split=Split(train=60, validation=20, test=20),
            seed=5,
        )
    )
    velocity_ZX = draw_velocity(data, SAMPLE)
    shots_MSTR, image_MZX = WaveEngine(data).shoot_and_migrate(velocity_ZX[None])
    figure = Figure(figsize=(13, 3.2), layout="constrained")
    axes = figure.subplots(1, 4, width_ratios=[2.6, 1, 1, 1])
    whole = open_models(file).array[0] * file.unit
    panel(axes[0], whole, "Marmousi: sections for training, validation and test", "viridis")
    for _, end in parts(601, 121, data.split)[:2]:
        axes[0].axvline(end - 0.5, color="white", linewidth=2, linestyle="--")
    panel(axes[1], velocity_ZX, "one section on the grid", "viridis")
    panel(axes[2], shots_MSTR[0, 6], "its shots", "gray", 0.03)
    panel(axes[3], image_MZX[0], "its RTM image", "gray", float(np.percentile(np.abs(image_MZX), 98)))
    figure.savefig(MARMOUSI_OUT, dpi=90)


def chain() -> None:
    imager = Imager(BUNDLE)
    data, statistics = imager.contents.data, imager.contents.statistics
    images, velocities = (ShardDataset("data/quickstart", "test", target) for target in ("rtm", "velocity"))
    shots_STR, image_1ZX = images[SAMPLE]
    velocity_ZX = velocities[SAMPLE][1][0].numpy()
    prediction_ZX = imager(shots_STR.numpy()[None])[0, 0] / statistics.image_scale
    genotype = Genotype.from_json((BUNDLE / "genotype.json").read_text())

    figure = Figure(figsize=(17, 3.6), layout="constrained")
    axes = figure.subplots(1, 5, width_ratios=[1, 1, 1, 1.9, 1])
    panel(axes[0], velocity_ZX, "geology", "viridis")
    axes[0].plot(np.linspace(0, data.grid.nx - 1, data.survey.shots), [1] * data.survey.shots, "w*", markersize=8)
    panel(axes[1], shots_STR[len(shots_STR) // 2].numpy(), "→ shots (wave equation)", "gray", 4 * statistics.shot_scale)
    panel(axes[2], image_1ZX[0].numpy(), "→ RTM image (the label)", "gray", 0.8)
    panel(axes[3], cells(genotype), "→ cells found by the search, tuned, pruned", "gray")
    axes[3].set_aspect("equal")
    axes[3].axis("off")
    panel(axes[4], prediction_ZX, "→ the small network's image", "gray", 0.8)
    figure.savefig(OUT, dpi=100)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--marmousi", metavar="FILE")
    given = parser.parse_args().marmousi
    marmousi(given) if given else chain()
