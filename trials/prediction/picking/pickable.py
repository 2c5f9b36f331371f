"""Why a recording cannot be picked, and what a network makes of one that is unlike its own gathers; without torch."""

import numpy as np

from datagen.config import Survey
from datagen.traces.gathers import Recording
from datagen.traces.trace_table import ALIKE


def unpickable(recording: Recording, interval: float | None = None) -> list[str]:
    """Why no network can pick the recording, in words; `interval` [s] counts more than the file's."""
    wrong = []
    if recording.headers and interval is None and recording.interval is None:
        wrong.append("no sampling interval in its headers; give it with --interval, in seconds")
    dead, traces = _dead(recording), _traces(recording)
    if dead == traces:
        wrong.append(f"all {traces} traces are dead (constant, or not numbers); there is nothing to pick")
    return wrong


def assumed(recording: Recording, interval: float | None, survey: Survey | None) -> list[str]:
    """What a network of `survey`, or the classical picker, makes of a recording that is not like its gathers, in words.

    `interval` [s]; None: neither given nor in the file, the network's is taken.
    """
    lines = []
    broken = sum(int((~np.isfinite(gather)).any(0).sum()) for gather in recording.gathers)
    dead, traces = _dead(recording), _traces(recording)
    if broken:
        lines.append(f"{broken} of {traces} traces hold values that are not finite; they count as zero")
    if dead:
        lines.append(f"{dead} of {traces} traces are dead and get no pick")
    if survey is None:
        return lines
    given = interval or survey.interval
    if interval is None:
        lines.insert(0, f"has no sampling interval; assuming {given:g} s (--interval)")
    if abs(given / survey.interval - 1) > ALIKE:
        lines.append(f"sampled every {given:g} s, resampled to the network's {survey.interval:g} s")
    length, seen = max(map(len, recording.gathers)) * given, survey.samples * survey.interval
    if length > seen * 1.001:
        lines.append(f"records of {length:g} s; searched in overlapping windows of {seen:g} s")
    if traces == len(recording.gathers):
        lines.append("single traces; the network has no neighbours to compare, its picks are less sure")
    return lines


def _dead(recording: Recording) -> int:
    return sum(int((np.ptp(np.nan_to_num(gather), axis=0) == 0).sum()) for gather in recording.gathers)


def _traces(recording: Recording) -> int:
    return sum(gather.shape[1] for gather in recording.gathers)
