"""Draws docs/marmousi_data.png: sections cut from the Marmousi model (raw float32 of 221 × 601, km/s).

python docs/pictures/make_marmousi_picture.py marmousi_vp_221x601.bin
"""

import sys
from dataclasses import replace

import numpy as np
from make_pictures import panel
from matplotlib.figure import Figure

from datagen.config import Data, Grid, Split, Survey, VelocityFile
from datagen.files.sections import parts
from datagen.files.velocity_files import open_models, pinned
from datagen.velocity import draw_velocity
from datagen.waves.modelling import WaveEngine

SAMPLE = 1


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
    figure.savefig("docs/marmousi_data.png", dpi=90)


if __name__ == "__main__":
    marmousi(sys.argv[1])
