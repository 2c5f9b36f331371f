"""Draws docs/effects.png: what `effects` does to the shots that networks train on.

python docs/pictures/make_effects_picture.py
"""

from dataclasses import replace

import numpy as np
from make_pictures import panel
from matplotlib.figure import Figure

from datagen.config import Effects
from datagen.effects import Streams, disturb
from datagen.velocity import draw_velocity
from datagen.waves.first_breaks import first_breaks
from datagen.waves.modelling import WaveEngine
from trials.settings.config import load

SAMPLE = 1
EFFECTS = Effects(
    snr_db=(20.0, 20.0), dead_traces=(0.1, 0.1), receiver_jitter=0.008, missing_shots=(1, 1), noise_band=(3.0, 60.0)
)


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
    figure.savefig("docs/effects.png", dpi=80)


if __name__ == "__main__":
    effects()
