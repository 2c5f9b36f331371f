"""Fits a recording to the survey of a bundle, or of a preset, where possible.

    differs in                       --resample
    shots, their positions           never: waves between sources that far apart cannot be interpolated
    time interval                    band-limited, if the wavelet's frequencies are all in the record
    receivers, their positions       band-limited, if they are close enough for its shortest waves
    length of the record             a longer one is cut, at both ends; a shorter one lacks echoes
    heights                          never: a section is flat

The waves in the record are not changed: a network for 15 Hz cannot image 30 Hz.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from math import floor

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from datagen.band_limited import band_limited
from datagen.config import Data
from datagen.errors import InputError
from datagen.ground.ranges import velocity_range
from datagen.traces.lines import Places
from datagen.traces.recorded_shots import RecordedShots
from datagen.traces.trace_table import ALIKE, settled_interval
from datagen.traces.trace_values import WHOLE
from datagen.waves.positions import distances
from datagen.waves.wavelet import BAND

NEAR = 0.1  # cells that a position may be off
FLAT = 0.1  # of the shortest wavelength, that heights may differ


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """Converts samples of a recording to the bundle's survey."""

    notes: tuple[str, ...] = ()  # what it does
    in_time: NDArray[np.float32] | None = None  # [wanted T, given T]
    across: NDArray[np.float32] | None = None  # [given R, wanted R]

    def __call__(self, shots_BSTR: NDArray[np.float32]) -> NDArray[np.float32]:
        if self.across is not None:
            shots_BSTR = shots_BSTR @ self.across
        if self.in_time is not None:
            shots_BSTR = self.in_time @ shots_BSTR
        return np.ascontiguousarray(shots_BSTR)


def fit_survey(
    recording: RecordedShots, data: Data, owner: str, name: str, *, resample: bool, interval: float | None
) -> Fitted:
    """What converts the recording to the survey of `data`, of the `owner` (the bundle, the preset) called `name`.

    `interval` [s] counts more than the files'.  Raises InputError with every difference that remains.
    """
    survey = data.survey
    given = settled_interval(recording.path, interval, recording.interval, headers=recording.headers)
    given = given or survey.interval
    wrong, fitted = _fixed(recording, data), Fitted()
    for fix in (_time, _receivers):
        problem, found = fix(recording, data, given)
        if problem and (found is None or not resample):
            wrong.append(problem if found is None else f"{problem}; --resample converts it to {owner}'s")
        elif found is not None:
            fitted = Fitted(
                notes=(*fitted.notes, *found.notes),
                in_time=fitted.in_time if found.in_time is None else found.in_time,
                across=fitted.across if found.across is None else found.across,
            )
    if wrong:
        wanted = (survey.shots, survey.samples, survey.receivers)
        if recording.shape != wanted and sorted(recording.shape) == sorted(wanted):
            wrong.append("the axes seem to be in another order: transpose to (shot, time, receiver)")
        whose = f"{owner}'s survey"
        lines = [f"  {line.replace(SURVEY, whose)}" for line in wrong]
        raise InputError("\n".join([f"shots {recording.path}: their survey is not that of {name}:", *lines]))
    return fitted


def read_batch(recording: RecordedShots, fitted: Fitted, first: int, most: int) -> NDArray[np.float32]:
    """Shots [B, S, T, R] of the bundle's survey, from sample `first` on.  Raises InputError: not finite."""
    shots_BSTR = np.asarray(recording.read(first, min(most, recording.samples - first)), np.float32)
    finite = np.isfinite(shots_BSTR).all(axis=(1, 2, 3))
    if not finite.all():
        model = first + int(np.argmin(finite))
        raise InputError(f"shots {recording.path}: model {model} holds samples that are not finite numbers; mute them")
    return fitted(shots_BSTR)


def batches(recording: RecordedShots, fitted: Fitted, most: int, doing: str) -> Iterator[NDArray[np.float32]]:
    """All of them in turn, with a progress bar.  Raises InputError as `read_batch`."""
    starts = range(0, recording.samples, most)
    quiet = len(starts) < 2 or not sys.stderr.isatty()
    for first in track(starts, doing, console=Console(stderr=True), disable=quiet):
        yield read_batch(recording, fitted, first, most)


def resampling(given: int, step: float, wanted: NDArray[np.float64], wanted_step: float) -> NDArray[np.float32]:
    """`[wanted, given]` matrix: values at the positions `wanted` of a signal sampled every `step` from 0.

    As `datagen.band_limited`, up to the Nyquist frequency of the wider of the two steps.
    """
    length = (given - 1) * step
    k = np.arange(min(given, floor(length / wanted_step * (1 + 1e-9)) + 1))
    return band_limited(given, np.pi * np.outer(wanted / length, k)).astype(np.float32)


Fix = tuple[str | None, Fitted | None]  # what differs, and what would fix it
SURVEY = "the survey wanted"  # in messages, until its owner is put there


def _fixed(recording: RecordedShots, data: Data) -> list[str]:
    """Differences that cannot be fixed."""
    wrong, survey = [], data.survey
    if recording.shape[0] != survey.shots:
        wrong.append(f"shots: {recording.shape[0]} in the file, {survey.shots} in {SURVEY}")
    places = recording.places
    if places is not None:
        wrong += _uneven(places, data)
    if places is None or recording.shape[0] != survey.shots:
        return wrong
    along_NSR, sources_NS = places.receivers_NSR, places.sources_NS
    if (np.ptp(along_NSR, axis=1) > NEAR * data.grid.spacing).any():
        return [*wrong, f"receivers: they move with the shots; in {SURVEY} all record every shot"]
    wanted_S = distances(data)[0] * data.grid.spacing
    found_NS = sources_NS - line_start(recording, data)[:, None]
    away_N = np.abs(found_NS - wanted_S).max(axis=1)
    if away_N.max() > NEAR * data.grid.spacing:
        worst = int(away_N.argmax())
        wrong.append(
            f"source positions of sample {worst}: {_few(found_NS[worst])} m from the section's left end, "
            f"{_few(wanted_S)} m in {SURVEY}"
        )
    return wrong


def _uneven(places: Places, data: Data) -> list[str]:
    lowest, highest = places.heights
    allowed = FLAT * velocity_range(data)[0] / (BAND * data.survey.frequency)
    if highest - lowest <= allowed:
        return []
    return [
        f"heights: {lowest:g} to {highest:g} m in the file (bytes 41 and 45), within {allowed:.2g} m in {SURVEY}; "
        "correct the times to one datum, and set these bytes to it"
    ]


def line_start(recording: RecordedShots, data: Data) -> NDArray[np.float64]:
    """Where along its line the section of each sample begins [m]: its first receiver less the bundle's first."""
    assert recording.places is not None, "only a recording with positions has a place"
    first = distances(data)[1][0] * data.grid.spacing
    return np.asarray(recording.places.receivers_NSR[:, 0, 0] - first)


def _time(recording: RecordedShots, data: Data, given: float) -> Fix:
    survey, samples, delay = data.survey, recording.shape[1], recording.delay
    same = abs(given / survey.interval - 1) < ALIKE
    if same and samples == survey.samples and not delay:
        return None, None
    problem, end = _other_times(recording, data, given, same), delay + (samples - 1) * given
    needed = (survey.samples - 1) * survey.interval
    if delay > 0:
        return f"{problem}; what came before was not recorded", None
    if end < needed * (1 - ALIKE):
        return f"{problem}; the record ends at {end:g} s, {needed:g} s are needed", None
    highest = BAND * survey.frequency
    if given > (1 + ALIKE) / (2 * highest):
        return f"{problem}; too coarse for a wavelet of {survey.frequency:g} Hz, which reaches {highest:g} Hz", None
    before = -delay / given  # samples
    if same and abs(before - round(before)) < WHOLE:
        cut = np.eye(survey.samples, samples, round(before), dtype=np.float32)
        return problem, Fitted(in_time=cut, notes=(f"the record was cut from {samples} to {survey.samples} samples",))
    times_T = np.minimum(np.arange(survey.samples) * survey.interval - delay, (samples - 1) * given)
    note = f"time samples every {1e3 * given:g} ms were resampled to every {1e3 * survey.interval:g} ms, band-limited"
    return problem, Fitted(in_time=resampling(samples, given, times_T, survey.interval), notes=(note,))


def _other_times(recording: RecordedShots, data: Data, given: float, same: bool) -> str:
    survey, samples = data.survey, recording.shape[1]
    found = f"{samples} in the file every {1e3 * given:g} ms" if not same else f"{samples} in the file"
    wanted = f"{survey.samples} in {SURVEY}" + ("" if same else f" every {1e3 * survey.interval:g} ms")
    hint = " (--interval gives that of a file without it)"
    unknown = same and recording.interval is None and samples != survey.samples
    times = f"time samples: {found}, {wanted}{hint if unknown else ''}"
    first = f"first sample: at {recording.delay:g} s in the file, at 0 s in {SURVEY}"
    if not recording.delay:
        return times
    return first if same and samples == survey.samples else f"{times}; {first}"


def _receivers(recording: RecordedShots, data: Data, _: float) -> Fix:
    receivers, wanted_R = recording.shape[2], distances(data)[1] * data.grid.spacing
    if recording.places is None:
        found_R = np.linspace(wanted_R[0], wanted_R[-1], receivers)  # an .npy has no positions
    else:
        found_R = recording.places.receivers_NSR[0, 0] - line_start(recording, data)[0]
        every_NR = recording.places.receivers_NSR[:, 0] - line_start(recording, data)[:, None]
        if (np.abs(every_NR - found_R) > NEAR * data.grid.spacing).any():
            return "receiver positions: not the same in all samples", None
    if receivers == len(wanted_R) and np.abs(found_R - wanted_R).max() <= NEAR * data.grid.spacing:
        return None, None
    gaps, wanted_gap = np.diff(found_R), float(np.diff(wanted_R).mean())
    gap = float(gaps.mean())
    problem = f"receivers: {receivers} in the file, {len(wanted_R)} in {SURVEY}, "
    problem += f"{gap:g} m and {wanted_gap:g} m apart"
    if np.abs(gaps - gap).max() > NEAR * data.grid.spacing:
        return f"{problem}; those in the file are not evenly spaced", None
    if found_R[-1] < wanted_R[-1] - NEAR * data.grid.spacing:
        return f"{problem}; they cover {np.ptp(found_R):g} m, {np.ptp(wanted_R):g} m are needed", None
    widest = velocity_range(data)[0] / (2 * BAND * data.survey.frequency)
    if gap > widest * (1 + ALIKE):
        return f"{problem}; waves of up to {BAND * data.survey.frequency:g} Hz need {widest:.3g} m or less", None
    assumed = " (taken as evenly spread over the section)" if recording.places is None else ""
    note = f"{receivers} receivers{assumed}, {gap:g} m apart, were interpolated to {len(wanted_R)}, band-limited"
    places_R = np.clip(wanted_R - found_R[0], 0, np.ptp(found_R))
    return problem, Fitted(across=resampling(receivers, gap, places_R, wanted_gap).T, notes=(note,))


def _few(values: NDArray[np.float64]) -> str:
    shown = ", ".join(f"{value:g}" for value in np.round(values[:6], 1))
    return shown + (", …" if len(values) > 6 else "")
