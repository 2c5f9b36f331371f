"""How two descriptions of a data set differ, and which differences do not matter."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from datagen.config import Data

OF_IMPORTED = ("survey.shots", "survey.receivers", "survey.samples", "survey.interval")  # and the grid


def differences(have: Data, want: Data) -> list[str]:
    """A line for every field in which the data set on disk, `have`, is not what the preset, `want`, describes."""
    there, asked = dict(_fields(have)), dict(_fields(want))
    return [
        f"  data.{name}: {there.get(name)} in the data set, {asked.get(name)} in the preset"
        for name in {**asked, **there}
        if there.get(name) != asked.get(name) and not _may_differ(name, have, want)
    ]


def _may_differ(name: str, have: Data, want: Data) -> bool:
    """True for fields that do not distinguish data sets.

    If the preset does not mention an imported set, only the shape and sampling of the samples must agree.  A velocity
    file is identified by its content; it may have moved, or be gone.
    """
    if have.imported and not want.imported:
        return not name.startswith("grid.") and name not in OF_IMPORTED
    if have.velocity_file and want.velocity_file:
        if name in ("velocity_file.sha256", "velocity_file.velocity"):
            return not getattr(want.velocity_file, name.removeprefix("velocity_file."))  # left to the file
        if name == "velocity_file.path":
            return want.velocity_file.sha256 == have.velocity_file.sha256
    return name == "folder"


def _fields(config: object, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted name, value) of every field of nested dataclasses."""
    for field in dataclasses.fields(config):  # type: ignore[arg-type]
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            yield from _fields(value, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}", value
