"""Draws docs/chain.png, the picture of the chain in the README, from what `make run` left.

python docs/pictures/make_pictures.py
"""

import io
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import imread

from compressors.graphs.runner import Imager
from datagen.dataset import ShardDataset
from search_spaces.draw import picture
from search_spaces.genotype import Genotype

BUNDLE = Path("exports/quickstart")
SAMPLE = 1  # of the test split
OUT = Path("docs/chain.png")


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


def main() -> None:
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
    main()
