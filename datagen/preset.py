"""Presets: the YAML files (presets/*.yml) that describe a whole chain, here for their section `data`.

preset.yml ─► tree ─ changes (path → value) laid over it ─► data: ─► Data, checked
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from datagen.config import Data
from datagen.errors import InputError
from datagen.files.reading import read_yaml


def read_preset(preset: str | Path) -> dict[str, Any]:
    """The whole preset as plain values, unchecked.  Raises InputError: it cannot be read, or has no `key: value`."""
    preset = Path(preset)
    if not preset.exists():
        known = ", ".join(sorted(str(file) for file in Path("presets").glob("*.yml"))) or "none here"
        raise InputError(f"preset {preset}: no such file; presets in this folder: {known}")
    tree = read_yaml(preset, f"preset {preset}")
    if not isinstance(tree, dict):
        raise InputError(f"preset {preset}: expected `key: value` lines, got {type(tree).__name__}")
    return tree


def put(tree: dict[str, Any], path: str, value: Any) -> None:
    """Sets one value of a preset: `put(tree, "data.survey.shots", 5)`.  Raises InputError: it leads into a value."""
    *parents, last = path.split(".")
    for key in parents:
        child = tree.setdefault(key, {})
        if not isinstance(child, dict):
            raise InputError(f"{path}: {key} is a single value, it has no {last}")
        tree = child
    tree[last] = value


def read_data(preset: str | Path, changes: Mapping[str, Any]) -> Data:
    """The section `data` of a preset with `changes` (path → value, such as data.seed → 3) laid over it.

    Raises InputError as `read_preset`; or a path is not one of `data`, or a value is missing, unknown or not allowed.
    """
    tree = read_preset(preset)
    for path, value in changes.items():
        if not path.startswith("data."):
            raise InputError(f"{path}: a data set is made from the settings under data, such as data.seed")
        put(tree, path, value)
    if "data" not in tree:
        raise InputError(f"preset {preset}: has no section data; presets/quickstart.yml shows one")
    try:
        return TypeAdapter(Data).validate_python(tree["data"])
    except ValidationError as error:
        problems = [
            f"  {'.'.join(['data', *map(str, item['loc'])])[:120]}: got {str(item['input'])[:80]!r}; {item['msg']}"
            for item in error.errors()[:20]
        ]
        where = f"{error.error_count()} problem(s) in the data set of {preset}, or in the changes given with it:"
        raise InputError("\n".join([where, *problems])) from None
