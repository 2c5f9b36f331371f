"""Reads an nni_config.yml and its search space with limits, before NNI reads them without any."""

from pathlib import Path
from typing import Any

from datagen.errors import InputError
from datagen.files.reading import parse_json, parse_yaml, read_text, read_yaml


def read_nni_config(path: Path) -> dict[str, Any]:
    """The keys of the file.  Raises InputError: it or its search space cannot be read, or is beyond the limits."""
    tree = read_yaml(path)
    if not isinstance(tree, dict):
        raise InputError(f"{path}: expected `key: value` lines, got {type(tree).__name__}")
    for key, value in tree.items():
        if str(key).lower().replace("_", "") == "searchspacefile":  # as NNI compares keys
            _read_space(path.parent / str(value))
    return tree


def _read_space(path: Path) -> Any:
    """JSON, otherwise YAML, as NNI does."""
    text = read_text(path)
    try:
        return parse_json(text, str(path))
    except InputError:
        return parse_yaml(text, str(path))
