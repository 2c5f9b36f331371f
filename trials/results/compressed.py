"""The networks that an experiment has compressed, as points of a Pareto front, and the final choice."""

from collections.abc import Sequence
from pathlib import Path

from compressors.pareto import Point, choose
from datagen.errors import InputError
from trials.experiment.plan import FinishedTrial, finished_trials, load_plan, read_state
from trials.results.latencies import measured_latencies
from trials.running.run_folder import RunFolder


def pareto_points(trials: Sequence[FinishedTrial]) -> dict[str, tuple[Point, FinishedTrial]]:
    """Name → its point and its trial, of the compress trials that have finished.

    Raises InputError when there is none.
    """
    compressed = [trial for trial in trials if trial.stage == "compress"]
    if not compressed:
        raise InputError("no compress trial has finished; run the experiment to its end (seisnas run)")
    times = measured_latencies([RunFolder(trial.run) for trial in compressed])
    return {
        trial.id: (
            Point(
                name=trial.id,
                ssim=trial.metrics["ssim"],
                nonzero=int(trial.metrics["nonzero"]),
                latency_ms=milliseconds,
                score=trial.metrics["default"],
            ),
            trial,
        )
        for trial, milliseconds in zip(compressed, times, strict=True)
    }


def find_winner(trials: Sequence[FinishedTrial]) -> FinishedTrial:
    """The compress trial on the front with the highest score."""
    found = pareto_points(trials)
    return found[choose([point for point, _ in found.values()]).name][1]


def chosen_run(
    nni_config: Path, max_params: int | None, min_ssim: float | None, max_latency: float | None
) -> RunFolder:
    """The network of the front within the limits, from the latest experiment of `nni_config`.

    Raises InputError when the experiment has none.
    """
    plan = load_plan(nni_config)
    state = read_state(plan)
    found = pareto_points(finished_trials(plan.folder / state.experiment) if state else [])
    points = [point for point, _ in found.values()]
    point = choose(points, max_params=max_params, min_ssim=min_ssim, max_latency=max_latency)
    return RunFolder(found[point.name][1].run)
