"""NNI's search space of a stage as Optuna's distributions.

choice                      CategoricalDistribution; lists and mappings as their JSON text
randint                     IntDistribution, whose end is included
uniform, quniform           FloatDistribution
loguniform, qloguniform     the same, logarithmic
normal and its kin          FloatDistribution over the values that were tried
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

Distribution = Any  # one of the three; Optuna is not there when types are checked


def distributions(space: Any, stage: str, tried: Sequence[Mapping[str, Any]]) -> dict[str, Distribution]:
    """Config path → distribution; `tried`: the settings of the stage's trials."""
    branch = next(each for each in space["stage"]["_value"] if each["_name"] == stage)
    return {
        path: _distribution(span, [settings[path] for settings in tried if path in settings])
        for path, span in branch.items()
        if path != "_name"
    }


def split(settings: Mapping[str, Any], space: Mapping[str, Distribution]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A trial's settings that are in the space, as Optuna takes them, and the others, which can be attributes."""
    plain = {path: _plain(value) for path, value in settings.items()}
    inside = {path: value for path, value in plain.items() if path in space and _contains(space[path], value)}
    return inside, {path: value for path, value in plain.items() if path not in inside}


def _distribution(span: Mapping[str, Any], tried: Sequence[Any]) -> Distribution:
    kind, values = span["_type"], span["_value"]
    if kind == "choice":
        return CategoricalDistribution(list(dict.fromkeys(map(_plain, values))))
    if kind == "randint":
        return IntDistribution(values[0], values[1] - 1)
    if "uniform" in kind:
        return FloatDistribution(values[0], values[1], log="log" in kind)
    return FloatDistribution(min(tried, default=0.0), max(tried, default=0.0))


def _contains(distribution: Distribution, value: Any) -> bool:
    if isinstance(distribution, CategoricalDistribution):
        return value in distribution.choices
    return isinstance(value, int | float) and bool(distribution.low <= value <= distribution.high)


def _plain(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | tuple | dict) else value
