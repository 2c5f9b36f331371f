"""Model a bundle's own survey over a velocity model, and image its shots.

velocity model ─► window ─► shots (wave equation) ─┬─► bundle ───────────────────► prediction, a velocity or an image
                                                   ├─► RTM in the velocity predicted ─► image
                                                   └─► RTM in the true velocity ──────► image

For a cube, every section along x is imaged, as a line of a 3-D survey; the images form a cube again.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from compressors.outputs import OUTPUTS
from datagen.config import Data
from datagen.files.outputs import check_outputs
from datagen.targets import Target, make_target
from datagen.traces.fitting.survey_differences import Fitted
from datagen.traces.lines import Places
from datagen.traces.recorded_shots import RecordedShots
from datagen.waves.modelling import WaveEngine
from datagen.waves.positions import distances
from datagen.waves.scheme import derive_scheme
from trials.prediction.predict import ENDINGS, files_of_channels, open_imager, write_images
from trials.prediction.predicted_velocity import Images, Migrated, PredictedVelocity, velocity_channel
from trials.prediction.section_pictures import Section, draw_sections, image_section, reach, velocity_section
from trials.prediction.unlike import unlike_velocity
from trials.prediction.velocity_window import corner, cut_window, read_velocity, spanning, within_limits
from trials.training.metrics import ssim

log = logging.getLogger(__name__)

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
    mirrored: bool = False,
) -> list[Path]:
    """Images a window of a velocity model and writes each of `outputs`; returns their paths.

    `velocity` is an `.npy` `[Z, X]`, SEG-Y, or raw float32 of `shape` "ZxX"; its values times `unit` are m/s, its
    cells `spacing` metres wide.  `at` is the window's top left corner, "depth,distance" in metres.
    `.png`: velocity, RTM image, prediction, and the RTM image in a velocity predicted, with their scores; `.npy`: the
    prediction `[Z, X]`; `.sgy`: the same.  `mirrored`: predictions are means with those of the mirrored shots.

    For a cube, whose axes are `axes` if they are not in its file, the same window of every section along x is imaged.
    `.npy`: `[inline, Z, X]`; `.png`: the first predictions.

    Raises
    ------
    InputError
        The bundle or the file is damaged, the window leaves the model, or the bundle's survey cannot be
        modelled on its velocities.  `mirrored`: that survey is not symmetric.
    """
    files = check_outputs(outputs, ENDINGS)
    imager = open_imager(bundle, mirrored=mirrored)
    contents, source = imager.contents, Path(velocity)
    check_outputs([each for file in files for _, each, _ in files_of_channels(file, contents)], inputs=[source, bundle])
    sections = read_velocity(source, shape, unit, axes)
    windows_YZX = np.stack([cut_window(each_ZX, spacing, at, contents.data.grid) for each_ZX in sections])
    data = spanning(contents.data, windows_YZX)
    scheme = derive_scheme(data)
    windows_YZX = within_limits(windows_YZX, scheme.carried)
    for line in unlike_velocity(windows_YZX, contents):
        log.warning("%s: unlike the training's data, so that the prediction may be wrong: %s", source, line)
    assert spacing is not None, "cut_window checks it"
    engine = WaveEngine(data, scheme=scheme)
    single = len(windows_YZX) == 1
    drawn = [file for file in files if file.suffix.lower() == ".png" and single]
    if drawn:
        shots_MSTR, image_MZX = engine.shoot_and_migrate(windows_YZX)
        panels = [
            *_truth(windows_YZX[0], image_MZX[0]),
            *_predicted(bundle, imager, engine, shots_MSTR, windows_YZX[0], image_MZX[0]),
        ]
        for file in drawn:
            draw_sections(panels, contents.data.grid, file, f"{contents.name}: {source.name}, top left at {at} m")
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


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """Of two images, on the scale used for training and scores."""

    ssim: float
    blank: float  # SSIM of an image that is zero everywhere on that scale, with the same truth
    correlation: float

    def __str__(self) -> str:
        return f"SSIM {self.ssim:.3f} (blank {self.blank:.3f}), correlation {self.correlation:.2f}"


def likeness(prediction_ZX: Array, truth_ZX: Array, target: Target) -> Likeness:
    """Of images in the physical units of `target`."""
    prediction_ZX, truth_ZX = target.normalise(prediction_ZX), target.label(truth_ZX)
    images_B1ZX = torch.from_numpy(np.stack([prediction_ZX, np.zeros_like(prediction_ZX)])[:, None])
    truth_B1ZX = torch.from_numpy(truth_ZX).expand(2, 1, *truth_ZX.shape)
    found, blank = ssim(images_B1ZX, truth_B1ZX)
    spread = np.std(prediction_ZX) * np.std(truth_ZX)
    correlation = np.corrcoef(prediction_ZX.ravel(), truth_ZX.ravel())[0, 1] if spread else 0.0
    return Likeness(ssim=float(found), blank=float(blank), correlation=float(correlation))


def _truth(window_ZX: Array, image_ZX: Array) -> list[Section]:
    span = (float(window_ZX.min()), float(window_ZX.max()))
    return [velocity_section("velocity", window_ZX, span), image_section("RTM image", image_ZX, reach(image_ZX))]


def _predicted(
    bundle: str | Path, imager: Images, engine: WaveEngine, shots_BSTR: Array, window_ZX: Array, image_ZX: Array
) -> list[Section]:
    """The prediction, and with a velocity in it the RTM image in that, each with its likeness to the truth."""
    contents, white = imager.contents, reach(image_ZX)
    prediction_CZX, span = imager(shots_BSTR)[0], (float(window_ZX.min()), float(window_ZX.max()))
    sections = []
    pictures = OUTPUTS[contents.target].pictures
    for prediction_ZX, picture, target in zip(prediction_CZX, pictures, contents.scaled, strict=True):
        score = likeness(prediction_ZX, image_ZX if picture.signed else window_ZX, target)
        title = f"predicted {picture.name}\n{score}"
        sections.append(
            image_section(title, prediction_ZX, white)
            if picture.signed
            else velocity_section(title, prediction_ZX, span)
        )
    if velocity_channel(contents) is not None:
        migrated_ZX = Migrated(PredictedVelocity(bundle, imager, engine))(shots_BSTR)[0, 0]
        score = likeness(migrated_ZX, image_ZX, make_target("rtm", contents.statistics))
        sections.append(image_section(f"RTM in the velocity predicted\n{score}", migrated_ZX, white))
    return sections
