"""Predict on a velocity model: what a bundle makes of the shots that its own survey would record there.

velocity model ─► window ─► shots (wave equation) ─┬─► bundle ───────────────────► prediction
                                                   └─► reverse-time migration ───► RTM image
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from compressors.contents import Contents
from compressors.imager import Imager
from datagen.modelling import WaveEngine
from trials.prediction.image_files import part_of
from trials.prediction.predict import check_outputs
from trials.prediction.sections import draw_sections, image_section, reach, velocity_section
from trials.prediction.velocity_window import cut_window, read_velocity, spanning, within_limits
from trials.training.metrics import ssim

Array = NDArray[Any]


def predict_window(
    bundle: str | Path,
    velocity: str | Path,
    outputs: Sequence[str | Path],
    *,
    spacing: float | None,
    at: str = "0,0",
    shape: str | None = None,
    unit: float = 1.0,
) -> list[Path]:
    """Images a window of a velocity model and writes each of `outputs`; returns their paths.

    `velocity` is an `.npy` `[Z, X]`, or raw float32 of `shape` "ZxX"; its values times `unit` are m/s, its
    cells `spacing` metres wide.  `at` is the window's top left corner, "depth,distance" in metres.
    `.png`: velocity, RTM image and prediction; `.npy`: the prediction `[Z, X]`.

    Raises
    ------
    InputError
        The bundle or the file is damaged, the window leaves the model, or the bundle's survey cannot be
        modelled on its velocities.
    """
    files = check_outputs(outputs, (".npy", ".png"))
    imager = Imager(bundle)
    contents = imager.contents
    window_ZX = cut_window(read_velocity(Path(velocity), shape, unit), spacing, at, contents.data.grid)
    data = spanning(contents.data, window_ZX)
    window_ZX = within_limits(window_ZX, data)
    shots_MSTR, image_MZX = WaveEngine(data).shoot_and_migrate(window_ZX[None])
    prediction_ZX = imager(shots_MSTR)[0, 0]
    heading = f"{contents.name}: {Path(velocity).name}, top left at {at} m"
    for file in files:
        if file.suffix == ".png":
            _draw(file, heading, window_ZX, image_MZX[0], prediction_ZX, contents)
        else:
            part = part_of(file)
            with part.open("wb") as stream:
                np.save(stream, prediction_ZX)
            os.replace(part, file)
    return files


def likeness(prediction_ZX: Array, truth_ZX: Array, contents: Contents) -> float:
    """SSIM of two images in physical units, on the scale that networks are trained and scored on."""
    statistics = contents.statistics
    if contents.target == "rtm":
        pair = [prediction_ZX / statistics.image_scale, (truth_ZX / statistics.image_scale).clip(-1, 1)]
    else:
        half = (statistics.velocity_max - statistics.velocity_min) / 2
        pair = [(image - statistics.velocity_min) / half - 1 for image in (prediction_ZX, truth_ZX)]
    return float(ssim(*(torch.from_numpy(np.asarray(image, np.float32))[None, None] for image in pair)))


def _draw(
    file: Path, heading: str, window_ZX: Array, image_ZX: Array, prediction_ZX: Array, contents: Contents
) -> None:
    span = (float(window_ZX.min()), float(window_ZX.max()))
    white = reach(image_ZX)
    panels = [velocity_section("velocity", window_ZX, span), image_section("RTM image", image_ZX, white)]
    rtm = contents.target == "rtm"
    title = f"prediction, SSIM {likeness(prediction_ZX, image_ZX if rtm else window_ZX, contents):.3f}"
    panels.append(image_section(title, prediction_ZX, white) if rtm else velocity_section(title, prediction_ZX, span))
    draw_sections(panels, contents.data.grid, file, heading)
