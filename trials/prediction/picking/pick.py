"""Pick: first breaks of recorded gathers, with a bundle (only ONNX Runtime) or a run folder.

    gather file ─ repaired ─ resampled ─ windows ─ network ─► time, confidence of each trace ─► .csv .sgy .sgt .png

Where windows overlap the more confident pick counts.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressors.bundles.seal import SEAL
from compressors.graphs.runner import Imager
from compressors.outputs import OUTPUTS
from datagen.config import Survey
from datagen.errors import InputError
from datagen.targets import TargetName
from datagen.traces.gathers import Recording, read_recording
from datagen.traces.trace_table import checked_interval, settled_interval
from trials.prediction.picking.pick_files import GatherPicks, check_pick_outputs, write_picks
from trials.prediction.picking.pickable import assumed, unpickable
from trials.training.picking.windows import resampled, spread_over, time_at

log = logging.getLogger(__name__)

Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class PickingNetwork:
    """The picking network: gathers `[B, 1, T, R]` → `[B, 2, R]`, and the survey it was trained for."""

    run: Callable[[NDArray[np.float32]], NDArray[np.float32]]
    survey: Survey


def pick(
    source: str | Path,
    file: str | Path,
    outputs: list[Path],
    *,
    interval: float | None = None,
    confidence: float = 0.0,
    spacing: float | None = None,
    sources: str | None = None,
) -> list[Path]:
    """Picks the gathers of `file` with the bundle or run folder `source`, writes `outputs` and returns their paths.

    `interval` [s], `spacing` of the receivers [m] and positions of the `sources` [m], separated by commas, are for
    files without them.  Picks below `confidence` are left out of every output.

    Raises InputError: the bundle is damaged or does not pick, the file cannot be read, lacks an interval or a live
    trace, or does not suit an output.
    """
    check_pick_outputs(outputs, Path(file), Path(source))
    if interval is not None:
        checked_interval(interval, "--interval")
    network, recording = load_network(Path(source)), read_recording(file, interval)
    if wrong := unpickable(recording, interval):
        raise InputError(f"{file}: {'; '.join(wrong)}")
    given = settled_interval(Path(file), interval, recording.interval, headers=recording.headers)
    if spacing is not None or sources is not None:
        recording = _placed(recording, spacing, sources, Path(file))
    for line in assumed(recording, given, network.survey):
        log.warning("%s: %s", file, line)
    given = given or network.survey.interval
    picks = []
    for gather_TR, start_R in zip(recording.gathers, recording.starts, strict=True):
        picked = pick_gather(network, gather_TR, given, start_R)
        sure_R = picked.confidence_R >= max(confidence, np.finfo(float).tiny)
        picks.append(GatherPicks(time_R=np.where(sure_R, picked.time_R, np.nan), confidence_R=picked.confidence_R))
    if not any(np.isfinite(each.time_R).any() for each in picks):
        raise InputError(f"{file}: no trace has a pick; all are dead or below --confidence {confidence:g}")
    return [write_picks(output, recording, picks, Path(file), given) for output in outputs]


def _placed(recording: Recording, spacing: float | None, sources: str | None, file: Path) -> Recording:
    """The recording with receivers every `spacing` metres from 0, and its sources at the positions in the text."""
    if spacing is None or sources is None:
        raise InputError("pick: --spacing of the receivers and --source, the positions, need each other")
    try:
        places = [float(text) for text in sources.split(",")]
    except ValueError:
        places = [np.nan]
    if not np.isfinite([*places, spacing]).all():
        raise InputError(
            f"--source: got {sources!r}, --spacing {spacing:g}; write metres, separated by commas, as 1.5,9.5"
        )
    if len(places) != len(recording.gathers):
        raise InputError(f"--source: {len(places)} position(s), {file} has {len(recording.gathers)} gather(s)")
    receivers = [spacing * np.arange(gather.shape[1], dtype=np.float64) for gather in recording.gathers]
    return replace(recording, receivers=receivers, sources=places, heights=None)


def pick_gather(network: PickingNetwork, gather_TR: Array, interval: float, start: float | Array = 0.0) -> GatherPicks:
    """Picks of a gather [T, R] of any size, sampled every `interval` seconds from `start` [s] on, one or [R].

    Values that are not finite count as zero; a trace without other values is dead and has no pick.
    """
    survey = network.survey
    mended_TR = np.nan_to_num(gather_TR, nan=0.0, posinf=0.0, neginf=0.0)
    sampled_TR = resampled(mended_TR, interval, survey.interval, survey.samples)
    receivers = gather_TR.shape[1]
    best = np.zeros((2, receivers))
    for window in spread_over(receivers, survey.receivers):
        part_TR = np.pad(sampled_TR[:, window], ((0, 0), (0, survey.receivers - len(window))))
        found_2R = network.run(np.ascontiguousarray(part_TR[None, None], np.float32))[0][:, : len(window)]
        better_R = found_2R[1] > best[1, window]
        best[:, window] = np.where(better_R, found_2R, best[:, window])
    dead_R = np.ptp(sampled_TR, axis=0) == 0
    time_R = start + time_at(best[0], interval, survey.interval)
    return GatherPicks(time_R=np.where(dead_R, np.nan, time_R), confidence_R=np.where(dead_R, 0.0, best[1]))


def load_network(source: Path) -> PickingNetwork:
    """The network of a bundle, or of a finished run.  Raises InputError: neither, damaged, or it does not pick."""
    if (source / SEAL).exists() or not (source / "result.json").exists():
        imager = Imager(source)
        contents = imager.contents
        _require_picks(source, contents.target)
        return PickingNetwork(run=imager, survey=contents.data.survey)
    import torch  # noqa: PLC0415  a bundle does without it

    from search_spaces.picks import Picker  # noqa: PLC0415
    from trials.running.run_folder import RunFolder  # noqa: PLC0415
    from trials.training.networks import trained  # noqa: PLC0415

    run = RunFolder(source)
    config = run.config
    _require_picks(source, config.target)
    picker = Picker(trained(run), config.data.survey.samples).eval()

    @torch.no_grad()
    def call(gather_B1TR: NDArray[np.float32]) -> NDArray[np.float32]:
        found: NDArray[np.float32] = picker(torch.from_numpy(gather_B1TR)).numpy()
        if not np.isfinite(found).all():
            raise InputError(f"{source}: its network gives picks that are not finite (NaN or Inf); train it again")
        return found

    return PickingNetwork(run=call, survey=config.data.survey)


def _require_picks(source: Path, target: TargetName) -> None:
    if OUTPUTS[target].command != "pick":
        raise InputError(f"{source}: its target is {target}; picking needs target first_break (docs/picking.md)")
