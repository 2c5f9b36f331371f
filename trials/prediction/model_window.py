"""Model a bundle's own survey over a velocity model, and image its shots.

velocity model ─► window ─► shots (wave equation) ─┬─► bundle ───────────────────► prediction
                                                   └─► reverse-time migration ───► RTM image

For a cube, every section along x is imaged, as a line of a 3-D survey; the images form a cube again.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from compressors.bundles.contents import Contents
from compressors.outputs import OUTPUTS
from datagen.config import Data
from datagen.files.segy_lines import Places
from datagen.waves.modelling import WaveEngine
from datagen.waves.positions import distances
from datagen.waves.scheme import derive_scheme
from trials.prediction.predict import ENDINGS, check_outputs, open_imager, write_images
from trials.prediction.recording import RecordedShots
from trials.prediction.section_pictures import draw_sections, image_section, reach, velocity_section
from trials.prediction.survey_fit import Fitted
from trials.prediction.velocity_window import corner, cut_window, read_velocity, spanning, within_limits
from trials.training.metrics import ssim

Array = NDArray[Any]


def model_window(
    bundle: str | Path,
    velocity: str | Path,
    outputs: Sequence[str | Path],
    *,
    spacing: float | None,
    at: str = "0,0",
    shape: str | None = None,
    unit: float = 1.0,
    axes: str = "",
) -> list[Path]:
    """Images a window of a velocity model and writes each of `outputs`; returns their paths.

    `velocity` is an `.npy` `[Z, X]`, SEG-Y, or raw float32 of `shape` "ZxX"; its values times `unit` are m/s, its
    cells `spacing` metres wide.  `at` is the window's top left corner, "depth,distance" in metres.
    `.png`: velocity, RTM image and prediction; `.npy`: the prediction `[Z, X]`; `.sgy`: the same.

    For a cube, whose axes are `axes` if they are not in its file, the same window of every section along x is imaged.
    `.npy`: `[inline, Z, X]`; `.png`: the first predictions.

    Raises
    ------
    InputError
        The bundle or the file is damaged, the window leaves the model, or the bundle's survey cannot be
        modelled on its velocities.
    """
    files = check_outputs(outputs, ENDINGS)
    imager = open_imager(bundle)
    contents, source = imager.contents, Path(velocity)
    sections = read_velocity(source, shape, unit, axes)
    windows_YZX = np.stack([cut_window(each_ZX, spacing, at, contents.data.grid) for each_ZX in sections])
    data = spanning(contents.data, windows_YZX)
    scheme = derive_scheme(data)
    windows_YZX = within_limits(windows_YZX, scheme.carried)
    assert spacing is not None, "cut_window checks it"
    engine = WaveEngine(data, scheme=scheme)
    single = len(windows_YZX) == 1
    drawn = [file for file in files if file.suffix == ".png" and single]
    if drawn:
        shots_MSTR, image_MZX = engine.shoot_and_migrate(windows_YZX)
        heading = f"{contents.name}: {source.name}, top left at {at} m"
        for file in drawn:
            _draw(file, heading, windows_YZX[0], image_MZX[0], imager(shots_MSTR)[0, 0], contents)
    if others := [file for file in files if file not in drawn]:
        recording = RecordedShots(
            path=source,
            samples=len(windows_YZX),
            shape=(contents.shape.shots, contents.shape.samples, contents.shape.receivers),
            read=lambda first, count: shots_MSTR if drawn else engine.shoot(windows_YZX[first : first + count]),
            single=single,
            places=_places(data, corner(at)[1], spacing * np.arange(len(windows_YZX))),
        )
        write_images(imager, recording, Fitted(), others)
    return files


def _places(data: Data, start: float, cross_N: Array) -> Places:
    """The survey of `data` `start` metres along parallel lines that are `cross_N` metres from the first."""
    sources_S, receivers_R = (start + data.grid.spacing * each for each in distances(data))
    lines = len(cross_N)
    return Places(
        sources_NS=np.tile(sources_S, (lines, 1)),
        receivers_NSR=np.tile(receivers_R, (lines, len(sources_S), 1)),
        cross_N=cross_N,
        direction=np.array([1.0, 0.0]),
        normal=np.array([0.0, 1.0]),
    )


def likeness(prediction_ZX: Array, truth_ZX: Array, contents: Contents) -> float:
    """SSIM of two images in physical units, on the scale used for training and scores."""
    (target,) = contents.scaled
    pair = target.normalise(prediction_ZX), target.label(truth_ZX)
    return float(ssim(*(torch.from_numpy(np.asarray(image, np.float32))[None, None] for image in pair)))


def _draw(
    file: Path, heading: str, window_ZX: Array, image_ZX: Array, prediction_ZX: Array, contents: Contents
) -> None:
    span = (float(window_ZX.min()), float(window_ZX.max()))
    white = reach(image_ZX)
    panels = [velocity_section("velocity", window_ZX, span), image_section("RTM image", image_ZX, white)]
    (picture,) = OUTPUTS[contents.target].pictures
    title = f"prediction, SSIM {likeness(prediction_ZX, image_ZX if picture.signed else window_ZX, contents):.3f}"
    panels.append(
        image_section(title, prediction_ZX, white) if picture.signed else velocity_section(title, prediction_ZX, span)
    )
    draw_sections(panels, contents.data.grid, file, heading)
