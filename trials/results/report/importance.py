"""How much each setting of a stage mattered to the SSIM of its trials, with its spread.

    numbers   |ρ|, Spearman's: how far the SSIM rises or falls with the setting, whatever the shape
    choices   η = √(Σ_c n_c (r̄_c − r̄)² / Σ_i (r_i − r̄)²), r: ranks of the SSIM, c: the choices

Both lie between 0 (does not matter) and 1 (decides all).  The spread is the standard deviation over trials drawn again
with replacement.  One setting at a time: what two do together is not seen.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

FEWEST = 8  # trials, for it to say anything
DRAWS = 200


def importances(settings: Sequence[Mapping[str, Any]], scores: Sequence[float]) -> dict[str, tuple[float, float]]:
    """Setting → importance and spread, the greatest first; empty for fewer than `FEWEST` trials.

    Settings that not every trial has, or that never vary, are left out.
    """
    if len(scores) < FEWEST:
        return {}
    score_N, rng = np.asarray(scores, float), np.random.default_rng(0)
    draws = rng.integers(len(scores), size=(DRAWS, len(scores)))
    found = {}
    for path in settings[0]:
        values = [each[path] for each in settings if path in each]
        if len(values) == len(scores) and len({repr(value) for value in values}) > 1:
            measure = _rises if all(map(_is_number, values)) else _differs
            value_N = np.array(values, float) if measure is _rises else _codes(values)
            spread = np.std([measure(value_N[draw], score_N[draw]) for draw in draws])
            found[path] = measure(value_N, score_N), float(spread)
    return dict(sorted(found.items(), key=lambda each: -each[1][0]))


def chance(trials: int) -> float:
    """What a number that does not matter exceeds one time in twenty, of so many trials."""
    return min(1.0, 1.96 / math.sqrt(max(1, trials - 1)))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _codes(values: Sequence[Any]) -> NDArray[np.float64]:
    known = {each: code for code, each in enumerate(dict.fromkeys(map(repr, values)))}
    return np.array([known[repr(value)] for value in values], float)


def _rises(value_N: NDArray[np.float64], score_N: NDArray[np.float64]) -> float:
    a, b = (each - each.mean() for each in (rankdata(value_N), rankdata(score_N)))
    size = math.sqrt((a @ a) * (b @ b))
    return float(abs(a @ b) / size) if size else 0.0


def _differs(code_N: NDArray[np.float64], score_N: NDArray[np.float64]) -> float:
    rank_N = rankdata(score_N) - (len(score_N) + 1) / 2
    between = sum((code_N == code).sum() * rank_N[code_N == code].mean() ** 2 for code in np.unique(code_N))
    total = float(rank_N @ rank_N)
    return math.sqrt(between / total) if total else 0.0
