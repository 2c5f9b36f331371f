"""What differs between a recording and the survey of a bundle, or of a preset: all of it, and what can be converted.

    differs in                       --resample
    shots, their positions           never: waves between sources that far apart cannot be interpolated
    time interval                    band-limited, if the wavelet's frequencies are all in the record
    receivers, their positions       band-limited, if they are close enough for its shortest waves
    length of the record             a longer one is cut, at both ends; a shorter one lacks echoes
    heights                          never: a section is flat

The waves in the record are not changed: a network for 15 Hz cannot image 30 Hz.
"""

from dataclasses import dataclass
from math import floor

import numpy as np
from numpy.typing import NDArray

from datagen.band_limited import band_limited
from datagen.config import Data
from datagen.ground.ranges import velocity_range
from datagen.traces.lines import Places
from datagen.traces.recorded_shots import RecordedShots
from datagen.traces.shots import SURVEY
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


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One difference between a recording and a survey."""

    text: str  # which speaks of `SURVEY`
    fix: Fitted | None = None  # what --resample does about it; None: nothing can be done

    def told(self, owner: str) -> str:
        """In words, with the `owner` of the survey: the bundle, the preset."""
        fixed = f"; --resample converts it to {owner}'s" if self.fix else ""
        return self.text.replace(SURVEY, f"{owner}'s survey") + fixed


def differences(recording: RecordedShots, data: Data, interval: float | None = None) -> list[Difference]:
    """Every difference from the survey of `data`; `interval` [s] counts more than the files'.

    Raises InputError: an interval that is not of a seismic record.
    """
    survey, found = data.survey, [Difference(text=problem) for problem in recording.problems]
    given: float | None = survey.interval
    if recording.headers and not (interval or recording.interval):
        found.append(Difference(text="interval: no sampling interval in its headers; give it with --interval, in s"))
    else:
        given = settled_interval(recording.path, interval, recording.interval, headers=recording.headers)
    found += [Difference(text=problem) for problem in _fixed(recording, data)]
    found += [each for compare in (_time, _receivers) if (each := compare(recording, data, given or survey.interval))]
    wanted = (survey.shots, survey.samples, survey.receivers)
    if recording.shape != wanted and sorted(recording.shape) == sorted(wanted):
        found.append(Difference(text="the axes seem to be in another order: transpose to (shot, time, receiver)"))
    return found


def resampling(given: int, step: float, wanted: NDArray[np.float64], wanted_step: float) -> NDArray[np.float32]:
    """`[wanted, given]` matrix: values at the positions `wanted` of a signal sampled every `step` from 0.

    As `datagen.band_limited`, up to the Nyquist frequency of the wider of the two steps.
    """
    length = (given - 1) * step
    k = np.arange(min(given, floor(length / wanted_step * (1 + 1e-9)) + 1))
    return band_limited(given, np.pi * np.outer(wanted / length, k)).astype(np.float32)


def _fixed(recording: RecordedShots, data: Data) -> list[str]:
    """Differences that cannot be fixed."""
    wrong, survey = [], data.survey
    if recording.shape[0] != survey.shots and not recording.problems:  # which are about its shots
        wrong.append(f"shots: {recording.shape[0]} in the file, {survey.shots} in {SURVEY}")
    places = recording.places
    if places is not None:
        wrong += _uneven(places, data)
    if places is None:
        return wrong
    along_NSR, sources_NS = places.receivers_NSR, places.sources_NS
    every_R = along_NSR.reshape(-1, along_NSR.shape[2])
    moving = np.ptp(every_R, axis=0) if recording.problems else np.ptp(along_NSR, axis=1)
    if (moving > NEAR * data.grid.spacing).any():
        return [*wrong, f"receivers: they move with the shots; in {SURVEY} all record every shot"]
    if recording.shape[0] != survey.shots:
        return wrong
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


def _time(recording: RecordedShots, data: Data, given: float) -> Difference | None:
    survey, samples, delay = data.survey, recording.shape[1], recording.delay
    same = abs(given / survey.interval - 1) < ALIKE
    if same and samples == survey.samples and not delay:
        return None
    problem, end = _other_times(recording, data, given, same), delay + (samples - 1) * given
    needed, as_long = (survey.samples - 1) * survey.interval, survey.samples * survey.interval
    short, highest, obstacles = end < needed * (1 - ALIKE), BAND * survey.frequency, []
    if delay > 0:
        obstacles.append("what came before was not recorded")
    if short and end + given < as_long * (1 - ALIKE):  # 500 of 2 ms last as long as 1000 of 1 ms
        obstacles.append(f"the record ends at {end:g} s, {needed:g} s are needed")
    if given > (1 + ALIKE) / (2 * highest):
        obstacles.append(f"too coarse for a wavelet of {survey.frequency:g} Hz, which reaches {highest:g} Hz")
    if obstacles:
        return Difference(text="; ".join([problem, *obstacles]))
    before = -delay / given  # samples
    if same and abs(before - round(before)) < WHOLE:
        cut = np.eye(survey.samples, samples, round(before), dtype=np.float32)
        note = f"the record was cut from {samples} to {survey.samples} samples"
        return Difference(text=problem, fix=Fitted(in_time=cut, notes=(note,)))
    times_T = np.minimum(np.arange(survey.samples) * survey.interval - delay, (samples - 1) * given)
    note = f"time samples every {1e3 * given:g} ms were resampled to every {1e3 * survey.interval:g} ms, band-limited"
    if short:
        note += f"; its last one is held for {1e3 * (needed - end):.3g} ms"
    in_time = resampling(samples, given, times_T, survey.interval)
    return Difference(text=problem, fix=Fitted(in_time=in_time, notes=(note,)))


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


def _receivers(recording: RecordedShots, data: Data, _: float) -> Difference | None:
    receivers, wanted_R = recording.shape[2], distances(data)[1] * data.grid.spacing
    if recording.places is None:
        found_R = np.linspace(wanted_R[0], wanted_R[-1], receivers)  # an .npy has no positions
    else:
        found_R = recording.places.receivers_NSR[0, 0] - line_start(recording, data)[0]
        every_NR = recording.places.receivers_NSR[:, 0] - line_start(recording, data)[:, None]
        if (np.abs(every_NR - found_R) > NEAR * data.grid.spacing).any():
            return Difference(text="receiver positions: not the same in all samples")
    if receivers == len(wanted_R) and np.abs(found_R - wanted_R).max() <= NEAR * data.grid.spacing:
        return None
    if receivers < 2:
        return Difference(text=f"receivers: {receivers} in the file, {len(wanted_R)} in {SURVEY}")
    gaps, wanted_gap = np.diff(found_R), float(np.diff(wanted_R).mean())
    gap = float(gaps.mean())
    problem = f"receivers: {receivers} in the file, {len(wanted_R)} in {SURVEY}, "
    problem += f"{gap:g} m and {wanted_gap:g} m apart"
    obstacles = []
    if np.abs(gaps - gap).max() > NEAR * data.grid.spacing:
        obstacles.append("those in the file are not evenly spaced")
    if found_R[-1] < wanted_R[-1] - NEAR * data.grid.spacing:
        obstacles.append(f"they cover {np.ptp(found_R):g} m, {np.ptp(wanted_R):g} m are needed")
    widest = velocity_range(data)[0] / (2 * BAND * data.survey.frequency)
    if gap > widest * (1 + ALIKE):
        obstacles.append(f"waves of up to {BAND * data.survey.frequency:g} Hz need {widest:.3g} m or less")
    if obstacles:
        return Difference(text="; ".join([problem, *obstacles]))
    assumed = " (taken as evenly spread over the section)" if recording.places is None else ""
    note = f"{receivers} receivers{assumed}, {gap:g} m apart, were interpolated to {len(wanted_R)}, band-limited"
    places_R = np.clip(wanted_R - found_R[0], 0, np.ptp(found_R))
    across = resampling(receivers, gap, places_R, wanted_gap).T
    return Difference(text=problem, fix=Fitted(across=across, notes=(note,)))


def _few(values: NDArray[np.float64]) -> str:
    shown = ", ".join(f"{value:g}" for value in np.round(values[:6], 1))
    return shown + (", …" if len(values) > 6 else "")
