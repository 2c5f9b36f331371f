"""The network that picks: of a bundle, by ONNX Runtime, or of a run folder, by torch; on gathers of any size.

    gather [T, R] ─ resampled ─ windows ─ network ─► time, confidence of each trace

Where windows overlap, in receivers or in time, the more confident pick counts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from compressors.bundles.seal import SEAL
from compressors.graphs.runner import Imager
from compressors.outputs import OUTPUTS
from datagen.config import Survey
from datagen.errors import InputError
from datagen.targets import TargetName
from trials.prediction.picking.picks import GatherPicks
from trials.training.picking.windows import OVERLAP_IN_TIME, cut, resampled, spread_over, time_at

if TYPE_CHECKING:
    from torch import nn

Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class PickingNetwork:
    """The picking network: gathers `[B, 1, T, R]` → `[B, 2, R]`, and the survey it was trained for."""

    run: Callable[[NDArray[np.float32]], NDArray[np.float32]]
    survey: Survey

    def __call__(self, gather_TR: Array, interval: float, start: float | Array = 0.0) -> GatherPicks:
        """Picks of a gather [T, R] of any size, sampled every `interval` seconds from `start` [s] on, one or [R].

        A dead trace, of one value, has no pick, and none is before the shot.  A longer record than the network's is
        searched in overlapping windows.
        """
        survey = self.survey
        sampled_TR = resampled(gather_TR, interval, survey.interval)
        best_2R = np.zeros((2, sampled_TR.shape[1]))
        for times in spread_over(len(sampled_TR), survey.samples, OVERLAP_IN_TIME):
            for traces in spread_over(sampled_TR.shape[1], survey.receivers):
                part_TR = cut(sampled_TR, times, traces, survey.samples, survey.receivers)
                found_2R = self.run(np.ascontiguousarray(part_TR[None, None], np.float32))[0][:, : len(traces)]
                found_2R = found_2R + np.array([[times.start], [0]])
                better_R = (found_2R[1] > best_2R[1, traces]) & (np.ptp(part_TR[:, : len(traces)], axis=0) > 0)
                best_2R[:, traces] = np.where(better_R, found_2R, best_2R[:, traces])
        time_R = start + time_at(best_2R[0], interval, survey.interval)
        none_R = (best_2R[1] == 0) | (time_R < 0)
        return GatherPicks(time_R=np.where(none_R, np.nan, time_R), confidence_R=np.where(none_R, 0.0, best_2R[1]))


def load_network(source: Path) -> PickingNetwork:
    """The network of a bundle, or of a finished run.  Raises InputError: neither, damaged, or it does not pick."""
    if (source / SEAL).exists() or not (source / "result.json").exists():
        imager = Imager(source)
        contents = imager.contents
        _require_picks(source, contents.target)
        return PickingNetwork(run=imager, survey=contents.data.survey)
    from trials.running.run_folder import RunFolder  # noqa: PLC0415  a bundle does without torch
    from trials.training.networks import trained  # noqa: PLC0415

    run = RunFolder(source)
    config = run.config
    _require_picks(source, config.target)
    return in_torch(trained(run), config.data.survey, source)


def in_torch(network: "nn.Module", survey: Survey, source: Path) -> PickingNetwork:
    """With the weights of `source`."""
    import torch  # noqa: PLC0415

    from search_spaces.picks import Picker  # noqa: PLC0415

    picker = Picker(network, survey.samples).eval()

    @torch.no_grad()
    def call(gather_B1TR: NDArray[np.float32]) -> NDArray[np.float32]:
        found: NDArray[np.float32] = picker(torch.from_numpy(gather_B1TR)).numpy()
        if not np.isfinite(found).all():
            raise InputError(f"{source}: its network gives picks that are not finite (NaN or Inf); train it again")
        return found

    return PickingNetwork(run=call, survey=survey)


def _require_picks(source: Path, target: TargetName) -> None:
    if OUTPUTS[target].command != "pick":
        raise InputError(f"{source}: its target is {target}; picking needs target first_break (docs/picking.md)")
