"""The first minute: a stored record, imaged with the bundle that comes with the program, beside the truth.

    demo_record/shots.npy     [S, T, R], every 3 ms ──► survey of the bundle ──► network ──► velocity and RTM image
    demo_record/velocity.npy  [Z, X] [m/s] ┐                                                        │
    demo_record/image.npy     [Z, X]       ┴──► truth, prediction, difference; SSIM, correlation ◄──┘

The record is one of the test split that the network was scored on: the one whose two SSIM lie nearest to the split's
means (benchmarks/make_demo.py).  Needs ONNX Runtime and scikit-image, but neither torch nor Devito.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

from compressors.bundles.ready_made import FOLDER
from compressors.graphs.runner import Imager
from compressors.outputs import OUTPUTS, Picture
from datagen.files.outputs import check_outputs
from datagen.files.writing import reported
from datagen.targets import Target
from datagen.traces.fitting.survey_fit import fit_survey, read_batch
from datagen.traces.recorded_shots import open_shots
from trials.prediction.section_pictures import (
    Section,
    difference_section,
    draw_sections,
    image_section,
    on_one_scale,
    reach,
)

BUNDLE = FOLDER / "openfwi"  # not a folder of this name that the user has
RECORD = Path(__file__).with_name("demo_record")
INTERVAL = 3.0e-3  # [s] between the stored samples, of which the bundle takes three times as many
MODEL = 151  # of the test split of presets/openfwi.yml
DATA_RANGE, SIGMA, RADIUS = 2.0, 1.5, 5  # of the SSIM in trials/training/metrics.py


@dataclass(frozen=True, kw_only=True)
class Score:
    """How one picture of the prediction agrees with the truth."""

    picture: str
    ssim: float
    blank_ssim: float  # of an image that is zero everywhere, in the scale of the training
    correlation: float


@dataclass(frozen=True, kw_only=True)
class Demonstration:
    """What was done; `seconds` is the time of the network alone, for its shots."""

    scores: tuple[Score, ...]
    seconds: float
    shots: int


def demo(output: Path) -> Demonstration:
    """Images the stored record and writes `output`, a .png.  Raises InputError: it cannot be written."""
    check_outputs([output], [".png"], new_folder=True)
    imager = Imager(BUNDLE)
    contents = imager.contents
    shots_BSTR = stored_shots(imager)
    begun = time.perf_counter()
    found_CZX = imager(shots_BSTR)[0]
    seconds = time.perf_counter() - begun
    truth = [np.load(RECORD / name).astype(np.float32) for name in ("velocity.npy", "image.npy")]
    scores: list[Score] = []
    sections: list[Section] = []
    for picture, target, true_ZX, found_ZX in zip(
        OUTPUTS[contents.target].pictures, contents.scaled, truth, found_CZX, strict=True
    ):
        scores.append(_score(picture, target, true_ZX, found_ZX))
        sections += _sections(picture, true_ZX, found_ZX, scores[-1])
    with reported(output):
        output.parent.mkdir(parents=True, exist_ok=True)
    draw_sections(sections, contents.data.grid, output, _heading(seconds), columns=3)
    return Demonstration(scores=tuple(scores), seconds=seconds, shots=shots_BSTR.shape[1])


def stored_shots(imager: Imager) -> NDArray[np.float32]:
    """The record `[1, S, T, R]`, brought to the time samples of the bundle's survey."""
    data = imager.contents.data
    recording = open_shots(RECORD / "shots.npy", data.survey, INTERVAL)
    fitted = fit_survey(recording, data, "the bundle", BUNDLE.name, resample=True, interval=INTERVAL)
    return read_batch(recording, fitted, 0, 1)


def ssim(one_ZX: NDArray[Any], other_ZX: NDArray[Any]) -> float:
    """As `metrics.ssim` has it with torch: the mean wherever the whole window fits."""
    _, map_ZX = structural_similarity(
        one_ZX,
        other_ZX,
        data_range=DATA_RANGE,
        gaussian_weights=True,
        sigma=SIGMA,
        use_sample_covariance=False,
        full=True,
    )
    return float(map_ZX[RADIUS:-RADIUS, RADIUS:-RADIUS].mean())


def _score(picture: Picture, target: Target, true_ZX: NDArray[Any], found_ZX: NDArray[Any]) -> Score:
    """In the scale of the training, like all scores."""
    true_ZX, found_ZX = target.label(true_ZX), target.normalise(found_ZX)
    return Score(
        picture=picture.name,
        ssim=ssim(found_ZX, true_ZX),
        blank_ssim=ssim(np.zeros_like(true_ZX), true_ZX),
        correlation=float(np.corrcoef(true_ZX.ravel(), found_ZX.ravel())[0, 1]),
    )


def _sections(picture: Picture, true_ZX: NDArray[Any], found_ZX: NDArray[Any], score: Score) -> Sequence[Section]:
    titles = f"true {picture.name}", f"predicted: SSIM {score.ssim:.3f} (blank {score.blank_ssim:.3f})"
    pair = on_one_scale(titles, (true_ZX, found_ZX), true_ZX, signed=picture.signed)
    if picture.signed:
        return [*pair, image_section("difference", found_ZX - true_ZX, reach(true_ZX))]
    return [*pair, difference_section("difference", found_ZX - true_ZX, float(np.ptp(true_ZX)) / 4)]


def _heading(seconds: float) -> str:
    return (
        f"{BUNDLE.name}: five shots that the network has not seen, imaged in {1e3 * seconds:.0f} ms\n"
        f"model {MODEL} of the test split, with an SSIM near the split's mean"
    )
