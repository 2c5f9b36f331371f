"""Draws docs/chain.png, the picture of the chain in the README, from what `make run` left.

python docs/make_pictures.py

Asked for it, it draws docs/effects.png for docs/physics.md instead:

python docs/make_pictures.py --effects
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
from datagen.config import Effects
from datagen.dataset import ShardDataset
from datagen.effects import Streams, disturb
from datagen.first_breaks import first_breaks
from datagen.modelling import WaveEngine
from datagen.velocity import draw_velocity
from search_spaces.draw import picture
from search_spaces.genotype import Genotype
from trials.config import load

BUNDLE = Path("exports/quickstart")
SAMPLE = 1  # of the test split
OUT = Path("docs/chain.png")
EFFECTS_OUT = Path("docs/effects.png")
EFFECTS = Effects(
    snr_db=(20.0, 20.0), dead_traces=(0.1, 0.1), receiver_jitter=0.008, missing_shots=(1, 1), noise_band=(3.0, 60.0)
)


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


def effects() -> None:
    """Three shots of a model of the quick start side by side: clean with first breaks, and with each effect."""
    data = load("presets/quickstart.yml").data
    velocity_ZX = draw_velocity(data, SAMPLE)
    shots_STR = WaveEngine(data).shoot(velocity_ZX[None])[0, 1:4]
    times_SR = first_breaks(data, velocity_ZX[None])[0, 1:4]
    off = Effects(noise_band=EFFECTS.noise_band)
    shown = {
        "clean, with first breaks": off,
        "noise, 20 dB under the median trace": replace(off, snr_db=EFFECTS.snr_db),
        "a tenth of the receivers dead": replace(off, dead_traces=EFFECTS.dead_traces),
        "receivers' clocks off by 8 ms": replace(off, receiver_jitter=EFFECTS.receiver_jitter),
        "a missing shot": replace(off, missing_shots=EFFECTS.missing_shots),
        "all": EFFECTS,
    }
    figure = Figure(figsize=(13, 8), layout="constrained")
    streams, median = Streams(seed=1, epoch=0, indices=[0]), float(np.median(shots_STR.std(axis=1)))
    for axes, (title, chosen) in zip(figure.subplots(2, 3).flat, shown.items(), strict=True):
        disturbed_STR = disturb(shots_STR[None], chosen, data.survey.interval, streams)[0]
        panel(axes, np.concatenate(disturbed_STR, axis=1), title, "gray", 0.6 * median)
        axes.set(ylabel="time [s]", yticks=np.arange(0, data.survey.samples, 200))
        axes.set_yticklabels([f"{sample * data.survey.interval:g}" for sample in axes.get_yticks()])
        if chosen == off:
            axes.plot(times_SR.ravel() / data.survey.interval, "r.", markersize=2)
    figure.savefig(EFFECTS_OUT, dpi=80)


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
    parser.add_argument("--effects", action="store_true")
    effects() if parser.parse_args().effects else chain()
