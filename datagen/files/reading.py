"""YAML and JSON from untrusted sources: plain values, of limited size and depth.

    file ─► regular, short ─► UTF-8 ─► events: depth, number, no aliases, no tags ─► null, bool, int, float, str

PyYAML's own `safe_load` builds lists of 10⁹ items from a page of aliases and fails in many ways on malformed tags and
dates; `json.loads` limits neither size nor depth and takes the last of two equal keys.
"""

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any, NoReturn

import yaml
from yaml.composer import ComposerError

from datagen.errors import InputError
from datagen.files.regular_files import read_whole

MOST_TEXT = 2**18  # bytes of YAML, or of another short text: a second's work for PyYAML
MOST_JSON = 2**24  # bytes: the manifest of 15,000 shards
MOST_VALUES = 20_000  # in a YAML text; a survey with all its positions has 5,000
DEEPEST = 32  # levels; a bundle's config.yml has 6
LONGEST_NUMBER = 64  # characters


class _PlainLoader(yaml.SafeLoader):
    """PyYAML's numbers (`3e-4` is text, `3.0e-4` a number), but no dates, no tags, no aliases, no key twice."""

    yaml_implicit_resolvers = {  # noqa: RUF012  as PyYAML declares it
        first: [(tag, shape) for tag, shape in known if tag.rpartition(":")[2] in ("null", "bool", "int", "float")]
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def __init__(self, text: str, name: str) -> None:
        super().__init__(text)
        self.name = name  # in messages
        self._depth = self._values = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Checks the event before anything is built from it."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            self._refuse("aliases (*name) are not allowed; write the value out", event)
        if getattr(event, "tag", None) is not None:
            self._refuse(f"tags are not allowed, got {event.tag[:40]!r}", event)
        self._depth, self._values = self._depth + 1, self._values + 1
        if self._depth > DEEPEST:
            self._refuse(f"more than {DEEPEST} levels", event)
        if self._values > MOST_VALUES:
            self._refuse(f"more than {MOST_VALUES} values", event)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_scalar(self, node: Any) -> Any:
        value = super().construct_scalar(node)
        if node.tag.endswith((":int", ":float")) and len(value) > LONGEST_NUMBER:
            self._refuse(f"a number of {len(value)} characters; at most {LONGEST_NUMBER}", node)
        return value

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._refuse("a key that is not a single value", key)
            if (key.tag, key.value) in seen:
                self._refuse(f"the key {key.value[:40]!r} appears twice", key)
            seen.add((key.tag, key.value))
        return super().construct_mapping(node, deep)

    def _refuse(self, problem: str, place: Any) -> NoReturn:
        raise ComposerError(None, None, problem, place.start_mark)


def parse_yaml(text: str, name: str) -> Any:
    """The value of a YAML text, which messages call `name`.

    Raises InputError: not YAML, or beyond the limits of this module.
    """
    if len(text) > MOST_TEXT:
        raise InputError(f"{name}: {len(text)} characters of YAML; at most {MOST_TEXT} are read")
    loader = None
    try:
        loader = _PlainLoader(text, name)
        return loader.get_single_data()
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # numbers as `0b_` and `1:::1`
        raise InputError(f"{name}: not YAML: {error}") from None
    finally:
        if loader is not None:
            loader.dispose()


def read_yaml(path: str | Path, name: str = "") -> Any:
    """The value of a YAML file, which messages call `name`, by default its path.

    Raises InputError: as `read_text` and `parse_yaml`.
    """
    return parse_yaml(read_text(path), name or str(path))


def parse_json(text: str, name: str, *, nan: bool = False) -> Any:
    """The value of a JSON text, which messages call `name`.  `nan`: NaN and Infinity are numbers too.

    Raises InputError: not JSON, nested hundreds of levels deep, a number of many digits, or a key twice.
    """

    def number(digits: str) -> int:
        if len(digits) > LONGEST_NUMBER:
            raise ValueError(f"a number of {len(digits)} digits; at most {LONGEST_NUMBER}")
        return int(digits)

    def real(word: str) -> float:
        value = float(word)
        if not (nan or math.isfinite(value)):
            raise ValueError(f"{word[:40]} is not a finite number")
        return value

    try:
        return json.loads(text, object_pairs_hook=_once, parse_int=number, parse_float=real, parse_constant=real)
    except RecursionError:
        raise InputError(f"{name}: not usable JSON: nested too deep") from None
    except ValueError as error:
        raise InputError(f"{name}: not JSON: {error}") from None


def read_json(path: str | Path, *, nan: bool = False) -> Any:
    """The value of a JSON file.  Raises InputError: as `read_text` and `parse_json`."""
    return parse_json(read_text(path, MOST_JSON), str(path), nan=nan)


def read_json_lines(path: str | Path) -> list[Any]:
    """The value of each line, NaN and Infinity included.  A last line that was cut off does not count.

    Raises InputError: as `read_whole` and `parse_json`.
    """
    lines = read_whole(path, MOST_JSON).decode(errors="replace").splitlines()
    values = []
    for number, line in enumerate(lines, 1):
        try:
            values.append(parse_json(line, f"{path}, line {number}", nan=True))
        except InputError:
            if number < len(lines):
                raise
    return values


def read_text(path: str | Path, most: int = MOST_TEXT) -> str:
    """The text of a file of up to `most` bytes.  Raises InputError: not UTF-8, or as `read_whole`."""
    try:
        return read_whole(path, most).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not text in UTF-8: {error.reason} at byte {error.start}") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        [(twice, _)] = Counter(key for key, _ in pairs).most_common(1)
        raise ValueError(f"the key {twice[:40]!r} appears twice")
    return found
