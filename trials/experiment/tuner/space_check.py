"""Checks that the configuration accepts every value of the search space.

A key of the space is a path of the configuration.  A misspelt one would fail every trial of its stage, an hour later.
"""

from collections.abc import Callable, Mapping
from typing import Any

from datagen.errors import InputError


def check_space(space: Any, load: Callable[[Mapping[str, Any]], object]) -> None:
    """`load` makes a configuration with the given settings, and raises InputError for invalid ones.

    Every choice, and both ends of every span, is tried separately.  Raises InputError with all refused ones.
    """
    refused = []
    for branch in space["stage"]["_value"]:
        for path, span in branch.items():
            for value in extremes(span) if path != "_name" else ():
                try:
                    load({path: value})
                except InputError as error:
                    complaint = str(error).splitlines()[-1].strip().partition(" Change it in")[0]
                    refused.append(f"search space, stage {branch['_name']}, {path}: got {value!r}; {complaint}")
                    break
    if refused:
        raise InputError("\n".join(refused))


def overridden(space: Any, tree: Mapping[str, Any]) -> list[str]:
    """A line for each setting of the preset `tree` that a stage's values replace, so that it counts for nothing.

    `seed` and other settings of no section count in the other stages, and are not reported.
    """
    lines = []
    for branch in space["stage"]["_value"]:
        for path, span in branch.items():
            section, _, name = path.partition(".")
            given = tree.get(section)
            if name and isinstance(given, Mapping) and name in given:
                values = ", ".join(map(str, span["_value"]))
                lines.append(
                    f"{path}: {given[name]} does not count; the search space gives stage {branch['_name']} {values}"
                )
    return lines


def extremes(span: Mapping[str, Any]) -> list[Any]:
    """The values of a choice, the ends of a span; nothing of a normal distribution, which has none."""
    kind, values = span["_type"], list(span["_value"])
    if kind == "choice":
        return values
    if kind == "randint":
        return [values[0], values[1] - 1]
    return values[:2] if "uniform" in kind else []
