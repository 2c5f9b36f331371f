"""Which stage may run a trial now, and a trial's parameters.

    search 3 ── all ended, one won ──► tune 4 ── all ended, one won ──► compress 4 ──► over

NNI's life cycle is in suite_tuner.py.
"""

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datagen.files.reading import read_json, read_yaml


def final_score(metric: Any) -> float | None:
    """The `default` of a final metric; None unless it is a finite number."""
    value = metric.get("default") if isinstance(metric, dict) else None
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


@dataclass(kw_only=True)
class Trial:
    """One trial in the budget of its stage; if it ends without a score it cannot win."""

    stage: str
    settings: dict[str, Any]  # config path → value
    ended: bool = False
    score: float | None = None  # the higher the better
    genotype: str | None = None  # JSON text
    run: str | None = None  # the folder that it wrote
    reason: str = ""  # why it ended without a score

    def end(self, metric: Any = None, folder: Path | None = None) -> None:
        """Sets its final metric and the `result.json` in its folder; without them it has failed."""
        self.ended = True
        score = final_score(metric)
        if score is None or folder is None:
            self.reason = "it failed or was stopped before its end"
            return
        try:
            result = read_json(folder / "result.json", nan=True)
            limit = _size_limit(folder)
        except (ValueError, KeyError, TypeError) as error:
            self.reason = f"its result cannot be read: {error}"
            return
        if limit is not None and result.get("parameters", 0) > limit:
            self.reason = f"its network has {result['parameters']} parameters, network.max_parameters is {limit}"
            return
        self.score, self.run, self.genotype = score, str(folder), result.get("genotype")


def _size_limit(run: Path) -> int | None:
    """`network.max_parameters` of the run, which binds searched networks only."""
    file = run / "config.yml"
    network = read_yaml(file)["network"] if file.exists() else {}
    return network.get("max_parameters") if network.get("model") == "nasunet" else None


class Schedule:
    """The trials of one experiment.  `budgets`: stage → number of trials, in the order of the stages."""

    def __init__(self, budgets: dict[str, int]) -> None:
        self.budgets = dict(budgets)
        self.trials: list[Trial] = []

    def of(self, stage: str) -> list[Trial]:
        return [trial for trial in self.trials if trial.stage == stage]

    def add(self, stage: str, settings: dict[str, Any]) -> Trial:
        self.trials.append(Trial(stage=stage, settings=settings))
        return self.trials[-1]

    def open_stage(self) -> str | None:
        """The stage that can run another trial now; None while trials must end first, and at the end."""
        for stage, budget in self.budgets.items():
            if len(self.of(stage)) < budget:
                return stage
            if not self._ended(stage) or self._best(stage) is None:
                return None
        return None

    @property
    def over(self) -> bool:
        """Whether nothing is running and nothing will."""
        return self.open_stage() is None and all(trial.ended for trial in self.trials)

    @property
    def lost(self) -> str | None:
        """The stage that ended without a winner, which ends the experiment, and why; None if none did."""
        for stage in self.budgets:
            if self._ended(stage) and self._best(stage) is None:
                reasons = Counter(trial.reason for trial in self.of(stage))
                listed = "; ".join(f"{number} × {reason}" for reason, number in reasons.items())
                return f"{stage}: no trial has won, so the experiment ends here: {listed}"
        return None

    @property
    def missing(self) -> int:
        """Number of trials not started yet."""
        return sum(max(0, budget - len(self.of(stage))) for stage, budget in self.budgets.items())

    def parameters(self, trial: Trial) -> dict[str, Any]:
        """The parameters of a trial, complete in themselves:

            {"stage":  {"_name": "tune", "loss.ssim": 0.3, …},    NNI's nested form
             "winner": {"parameters": {"network.depth": 4, …},    settings won by the stages before, if any
                        "genotype": "…", "run": "…"},             network and folder of the latest winner
             "mutation_summary": {"stage": "tune", …}}            what NNI's web page shows

        NNI's web page draws an axis only for each top-level key, so it would not show the nested form; of parameters
        with a `mutation_summary` it shows only that (`reformatRetiariiParameter` in its source).
        """
        winner = self._winner_before(trial.stage)
        return {
            "stage": {"_name": trial.stage, **trial.settings},
            **({"winner": winner} if winner else {}),
            "mutation_summary": {"stage": trial.stage, **trial.settings},
        }

    def _winner_before(self, stage: str) -> dict[str, Any]:
        winner: dict[str, Any] = {}
        for earlier in self.budgets:
            if earlier == stage:
                break
            best = self._best(earlier)
            assert best is not None, "a stage opens only when the one before has a winner"
            parameters = winner.get("parameters", {}) | best.settings
            winner = {"parameters": parameters, "genotype": best.genotype, "run": best.run}
        return winner

    def _ended(self, stage: str) -> bool:
        trials = self.of(stage)
        return len(trials) >= self.budgets[stage] and all(trial.ended for trial in trials)

    def _best(self, stage: str) -> Trial | None:
        scored = [(trial.score, trial) for trial in self.of(stage) if trial.ended and trial.score is not None]
        return max(scored, key=lambda pair: pair[0])[1] if scored else None
