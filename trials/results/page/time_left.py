"""How long a stage will still take.

    left = (Σ rest of each running trial + trials to come · time of a trial) / trials at a time

The time of a trial is the median of those that have ended; before the first has, that of the running ones, from the
epochs that they have behind them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, kw_only=True)
class Timed:
    """A trial of the stage that runs, or has ended with a result."""

    seconds: float  # so far
    running: bool
    share: float | None = None  # of its epochs that are done, if known


def seconds_left(trials: Sequence[Timed], to_come: int, at_a_time: int) -> float | None:
    """For the rest of a stage [s]; None when nothing is known yet.  `to_come`: trials that have not begun."""
    running = [trial for trial in trials if trial.running]
    if not running and to_come == 0:
        return 0.0
    typical = _typical(trials)
    if typical is None:
        return None
    rests = [max(0.0, typical - trial.seconds) for trial in running]
    return max([sum(rests, to_come * typical) / max(1, at_a_time), *rests])


def _typical(trials: Sequence[Timed]) -> float | None:
    ended = [trial.seconds for trial in trials if not trial.running]
    known = ended or [trial.seconds / trial.share for trial in trials if trial.share]
    return median(known) if known else None
