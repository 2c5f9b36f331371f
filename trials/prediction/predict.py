"""Predict: images recorded shots with a bundle, using only ONNX Runtime.

shots ─ opened (recording.py) ─ fitted to the survey (survey_fit.py) ─ a few samples at a time ─► .npy, .sgy, .png

Memory use does not depend on the number of samples.
"""

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from compressors.bundles.contents import Contents
from compressors.graphs.mirrored import Mirrored
from compressors.graphs.runner import Imager
from compressors.outputs import OUTPUTS, Picture
from datagen.errors import InputError
from datagen.files.outputs import check_outputs
from datagen.traces.fitting.survey_differences import Fitted, line_start
from datagen.traces.fitting.survey_fit import batches, fit_survey, read_batch
from datagen.traces.recorded_shots import RecordedShots, open_shots
from datagen.traces.trace_file import SEGY_SUFFIXES
from trials.prediction.explain import misfit_files, write_misfit
from trials.prediction.image_files import Coordinates, ImageFile, NpyImages, SegyImages
from trials.prediction.predicted_velocity import Images, Migrated, PredictedVelocity, velocity_channel
from trials.prediction.section_pictures import Section, draw_sections, image_section, reach, velocity_section
from trials.prediction.unlike import unlike_shots, unlike_velocity

if TYPE_CHECKING:  # torch, which predicting does without
    from trials.prediction.given_velocity import GivenVelocity

log = logging.getLogger(__name__)

BATCH = 8  # samples in memory at a time, or fewer for a large network
MOST_DRAWN = 12  # images in a PNG
ENDINGS = (".npy", *SEGY_SUFFIXES, ".png")
PREDICTED, MIGRATED = "predicted by a neural network", "RTM in the velocity of a neural network"


def predict(
    bundle: str | Path,
    shots: str | Path,
    outputs: Sequence[str | Path],
    *,
    resample: bool = False,
    interval: float | None = None,
    migrate: bool = False,
    explain: bool = False,
    mirrored: bool = False,
    migration_velocity: Path | None = None,
) -> list[Path]:
    """Images the shots at `shots` and writes each of `outputs`; returns their paths.

    `shots`: an .npy `[S, T, R]` or `[N, S, T, R]`, an OpenFWI folder, SEG-Y or SU (also a folder of them, 2-D lines
    or a 3-D survey, whose lines are imaged one by one).
    `resample` adapts the shots to the bundle's survey as far as physics allows (survey_differences.py); `interval` [s]
    is that of an .npy, if it differs from the bundle's, and counts more than that in headers.
    `migrate`: the images are RTM images in the velocity that the bundle predicts, made with the wave equation (Devito).
    `explain`: how well that velocity explains the shots (explain.py), written beside the first of `outputs` as
    NAME_misfit.json and NAME_misfit.png, the last of the paths returned.
    `mirrored`: the prediction is the mean with that of the mirrored shots, turned back.  `migration_velocity`: a file
    of velocities that stand in for those predicted (given_velocity.py).

    `.npy`: float32 `[N, 1, Z, X]`, `[Z, X]` for shots `[S, T, R]`, `[inline, Z, X]` for a 3-D survey; RTM
    amplitude, or velocity in m/s.  `.sgy`: the same with coordinates.  `.png`: the first images.  Of a bundle that
    predicts both, each of `outputs` is the RTM image, and NAME_velocity beside it the velocity.

    Raises
    ------
    InputError
        The bundle is damaged, there are no shots, their survey is not the bundle's, a sample is not a number, or
        an output cannot be written, is an input or has an unknown ending.  `migrate` and `explain`: the bundle predicts
        no velocity, or a C compiler is missing.  `mirrored`: the bundle's survey is not symmetric, or there
        is a `migration_velocity`.
    """
    files = check_outputs(outputs, ENDINGS)
    if mirrored and migration_velocity:
        raise InputError(
            f"--mirrored: got it with --migration-velocity {migration_velocity}, which is not mirrored with the shots; "
            "allowed: one of the two"
        )
    imager = open_imager(bundle, mirrored=mirrored)
    contents = imager.contents
    recording = open_shots(Path(shots), contents.data.survey, interval)
    planned = [each for file in files for _, each, _ in files_of_channels(file, contents)]
    planned += misfit_files(files[0]) if explain else []
    own = [*recording.files, *([migration_velocity] if migration_velocity else []), bundle]
    check_outputs(planned, inputs=own)
    given = _given_velocity(bundle, migration_velocity, recording.samples) if migration_velocity else None
    imager = given or imager
    fitted = fit_survey(recording, contents.data, "the bundle", str(bundle), resample=resample, interval=interval)
    for note in fitted.notes:
        log.warning("%s: %s", shots, note)
    velocity = PredictedVelocity(bundle, imager) if migrate or explain else None
    _mention_unlike(read_batch(recording, fitted, 0, imager.at_once(BATCH)), imager, recording.path)
    if given is not None:
        given.rewind()
    if velocity is not None and migrate:
        written = write_images(Migrated(velocity), recording, fitted, files, MIGRATED)
    else:
        written = write_images(imager, recording, fitted, files)
    if velocity is None or not explain:
        return written
    shots_to_explain = batches(recording, fitted, imager.at_once(BATCH), "shots explained")
    return written + write_misfit(velocity, shots_to_explain, files[0], contents.name, recording.path)


def write_images(
    imager: Images, recording: RecordedShots, fitted: Fitted, files: Sequence[Path], made: str = PREDICTED
) -> list[Path]:
    """Writes the images of `recording` to each of `files`, as in `predict`; returns the paths of all files written.

    `made` says how the images were made, in SEG-Y and pictures.  Raises InputError: not finite.
    """
    contents = imager.contents
    written = [each for file in files for each in files_of_channels(file, contents)]
    drawn: list[NDArray[np.float32]] = []
    with ExitStack() as unfinished:
        images = [
            (channel, _new_file(file, recording, contents, made, picture))
            for channel, file, picture in written
            if file.suffix.lower() != ".png"
        ]
        for _, each in images:
            unfinished.callback(each.discard)
        for images_BCZX in map(imager, batches(recording, fitted, imager.at_once(BATCH), "images")):
            for channel, each in images:
                each.add(images_BCZX[:, channel : channel + 1])
            drawn += [image_CZX.copy() for image_CZX in images_BCZX[: MOST_DRAWN - len(drawn)]]
        for _, each in images:
            each.close()
        unfinished.pop_all()
    for channel, file, picture in written:
        if file.suffix.lower() == ".png":
            sections = _sections([image_CZX[channel] for image_CZX in drawn], picture, contents, recording)
            what = f"{len(drawn)} of {recording.samples} sections of {recording.path.name}, {picture.name}"
            draw_sections(sections, contents.data.grid, file, f"{contents.name}: {what}\n{made}")
    return [file for _, file, _ in written]


def files_of_channels(file: Path, contents: Contents) -> list[tuple[int, Path, Picture]]:
    """What is written for an output: channel of the prediction, its file, and how it is shown."""
    pictures = OUTPUTS[contents.target].pictures
    last = len(pictures) - 1
    return [
        (channel, file if channel == last else file.with_name(f"{file.stem}_{picture.name}{file.suffix}"), picture)
        for channel, picture in reversed(list(enumerate(pictures)))
    ]


def _given_velocity(bundle: str | Path, velocity: Path, samples: int) -> "GivenVelocity":
    from trials.prediction.given_velocity import GivenVelocity  # noqa: PLC0415  torch

    return GivenVelocity(bundle, velocity, samples)


def open_imager(bundle: str | Path, *, mirrored: bool = False) -> Images:
    """What images shots, with `mirrored` as the mean with the mirrored shots' images.

    Raises InputError: the bundle is damaged, or makes no images.  `mirrored`: its survey is not symmetric.
    """
    imager = Imager(bundle)
    target = imager.contents.target
    if OUTPUTS[target].command != "predict":
        raise InputError(f"{bundle}: its target is {target}, it makes no images; give it to seisnas pick")
    return Mirrored(imager) if mirrored else imager


def _new_file(file: Path, recording: RecordedShots, contents: Contents, made: str, picture: Picture) -> ImageFile:
    shape, count = contents.shape, recording.samples
    if file.suffix.lower() == ".npy":
        before = () if recording.single else (count,) if _is_cube(recording) else (count, 1)
        return NpyImages(file, (*before, shape.nz, shape.nx))
    spacing = contents.data.grid.spacing
    text = made, picture.unit
    return SegyImages(file, count, (shape.nz, shape.nx), spacing, text, _columns(recording, contents))


def _columns(recording: RecordedShots, contents: Contents) -> Coordinates:
    """Positions of each image's columns; without coordinates in the file from 0, with sections one cell apart."""
    grid, places = contents.data.grid, recording.places
    along_X = np.arange(grid.nx) * grid.spacing
    if places is None:
        return lambda sample: np.stack([along_X, np.full(grid.nx, sample * grid.spacing)], axis=-1)
    start_N = line_start(recording, contents.data)
    return lambda sample: places.coordinates(sample, start_N[sample] + along_X)


def _mention_unlike(shots_BSTR: NDArray[np.float32], imager: Images, file: Path) -> None:
    contents = imager.contents
    lines, channel = unlike_shots(shots_BSTR, contents), velocity_channel(contents)
    if channel is not None:
        lines += unlike_velocity(imager(shots_BSTR)[:, channel], contents)
    if lines:
        log.warning("%s: unlike the training's data, so that the image may be wrong: %s", file, "; ".join(lines))


def _sections(
    images: Sequence[NDArray[np.float32]], picture: Picture, contents: Contents, recording: RecordedShots
) -> list[Section]:
    kind, first = ("inline", 1) if _is_cube(recording) else ("model", 0)
    titled = [(f"{kind} {number}", image) for number, image in enumerate(images, first)]
    if picture.signed:
        white = reach(np.stack(images))
        return [image_section(title, image, white) for title, image in titled]
    span = (contents.statistics.velocity_min, contents.statistics.velocity_max)
    return [velocity_section(title, image, span) for title, image in titled]


def _is_cube(recording: RecordedShots) -> bool:
    return recording.places is not None and recording.places.cube
