"""Paths of settings as users write them, where a record may be one of several kinds.

pydantic's place   network front stack fold      with the chosen kind
written            network.front.fold
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, get_args


def follow(root: type, place: Sequence[str | int]) -> tuple[list[str], list[Any]]:
    """From a `root` to a place that pydantic names: the path as users write it, and the record there.

    Returns all kinds of a record that may be of several, unless `place` determines one.
    """
    names: list[str] = []
    records: list[Any] = [root]
    for part in place:
        chosen = [record for record in records if record.kind == part] if len(records) > 1 else []
        if not chosen:
            names.append(str(part))
        records = chosen or [
            each
            for record in records
            for field in dataclasses.fields(record)
            if field.name == part
            for each in _records(field.type)
        ]
    return names, records


def field_names(records: Sequence[Any]) -> list[str]:
    return [field.name for record in records for field in dataclasses.fields(record)]


def further_down(records: Sequence[Any], name: str) -> list[str]:
    """The paths of fields called `name` in the records inside: where an unknown setting may have moved to."""
    fields = [field for record in records for field in dataclasses.fields(record)]
    return [f"{field.name}.{name}" for field in fields if name in field_names(_records(field.type))]


def _records(given: Any) -> list[Any]:
    """The records among a type's alternatives."""
    if isinstance(given, type) and dataclasses.is_dataclass(given):
        return [given]
    return [record for each in get_args(given) for record in _records(each)]
