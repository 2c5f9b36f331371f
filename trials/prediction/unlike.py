"""Whether shots are unlike those of a training: what a network says of them is then not worth much.

amplitude    90th percentile of |shots|, beside `shot_scale`, the same of the training's shots
frequency    centroid of their spectrum, beside that of what the survey's wavelet sends
velocity     cells outside the training's velocities, or at the edge of them

Each is one line; nothing is refused, since a network may do well all the same.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft, rfftfreq

from compressors.bundles.contents import Contents
from datagen.config import Survey
from datagen.waves.wavelet import ricker

AMPLITUDE = 10.0  # times above or below
FREQUENCY = 1.25  # times above or below: shots of drawn models are within a twentieth
OUTSIDE = 0.05  # of the training's range of velocities, beyond its ends
MOST_OUTSIDE = 0.01  # of the cells
EDGE = 0.02  # of the range, on both sides of its ends
MOST_AT_EDGE = 0.6  # of the cells: salt and sea floors are at an end of the range, but never most of a section

Array = NDArray[Any]


def unlike_shots(shots_BSTR: Array, contents: Contents) -> list[str]:
    """What is strange about shots of the bundle's survey, in words; nothing for shots like the training's."""
    found = float(np.percentile(np.abs(shots_BSTR), 90)) / contents.statistics.shot_scale
    lines = []
    if not 1 / AMPLITUDE < found < AMPLITUDE:
        lines.append(f"amplitudes are {found:.3g} times those of the training data: scale the shots")
    survey = contents.data.survey
    expected, centroid = wavelet_centroid(survey), spectral_centroid(shots_BSTR, survey.interval)
    if centroid and not 1 / FREQUENCY < centroid / expected < FREQUENCY:
        lines.append(
            f"frequencies are around {centroid:.3g} Hz, a wavelet of {survey.frequency:g} Hz as in the training gives "
            f"{expected:.3g} Hz"
        )
    return lines


def unlike_velocity(velocity_BZX: Array, contents: Contents) -> list[str]:
    """What is strange about velocities [m/s], predicted or given; nothing for those within the training's."""
    lowest, highest = contents.statistics.velocity_min, contents.statistics.velocity_max
    span = highest - lowest
    beyond = np.maximum(lowest - velocity_BZX, velocity_BZX - highest)
    outside, edge = float((beyond > OUTSIDE * span).mean()), float((np.abs(beyond) <= EDGE * span).mean())
    known = f"{lowest:.0f} to {highest:.0f} m/s in the training"
    if outside > MOST_OUTSIDE:
        found = f"{float(velocity_BZX.min()):.0f} to {float(velocity_BZX.max()):.0f} m/s"
        return [f"velocities are {found}, {known}: {100 * outside:.0f} % of the cells are beyond"]
    if edge > MOST_AT_EDGE:
        return [f"{100 * edge:.0f} % of the velocities are at one end of {known}: the ground may be beyond"]
    return []


def spectral_centroid(shots_BSTR: Array, interval: float) -> float:
    """Σ f |S|² / Σ |S|² [Hz], the median over the traces that are not silent; 0 if all are."""
    power_BSFR = np.abs(rfft(shots_BSTR, axis=2)) ** 2
    frequency_F = rfftfreq(shots_BSTR.shape[2], interval)
    total_BSR = power_BSFR.sum(axis=2)
    alive_BSR = total_BSR > 0
    weighted_BSR = np.einsum("bsfr,f->bsr", power_BSFR, frequency_F)
    return float(np.median(weighted_BSR[alive_BSR] / total_BSR[alive_BSR])) if alive_BSR.any() else 0.0


def wavelet_centroid(survey: Survey) -> float:
    """Of a wave from a line source: its spectrum is the wavelet's divided by √f (docs/physics.md)."""
    power_F = np.abs(rfft(ricker(survey.frequency, survey.interval, survey.samples))) ** 2
    frequency_F = rfftfreq(survey.samples, survey.interval)
    return float(power_F[1:].sum() / (power_F[1:] / frequency_F[1:]).sum())
