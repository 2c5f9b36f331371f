"""The reference of settings, from the records of the configuration: allowed values, default, the comment beside it."""

import ast
import dataclasses
import inspect
import json
from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

from pydantic import TypeAdapter

from docs.site.commands import cell
from search_spaces.genotype import Genotype
from trials.settings.config import Config

OPENING = """# Settings

Every setting of a preset, by its path: `--set tune.epochs=30`, or in YAML

```yaml
tune: {epochs: 30}
```
"""


def settings_page() -> str:
    """In Markdown: a heading and a table for each section of a preset."""
    lines = [OPENING]
    for path, record in sections("", Config):
        lines += [f"## {path}" if path else "## At the top", "", cell(inspect.getdoc(record) or ""), ""]
        lines += ["| | allowed | default | |", "|---|---|---|---|"]
        lines += [f"| `{name}` | {' | '.join(map(cell, about))} |" for name, *about in _rows(record)]
        lines.append("")
    return "\n".join(lines)


def sections(path: str, record: type) -> Iterator[tuple[str, type]]:
    """Path and record of each section, itself first.  Where there is a choice, one each: `network.front: fold`."""
    yield path, record
    for name, hint in get_type_hints(record, include_extras=True).items():
        below = f"{path}.{name}".lstrip(".")
        records = list(_records(hint))
        for each in records:
            kind = getattr(each, "kind", None) if len(records) > 1 else None
            yield from sections(f"{below}: {kind}" if kind else below, each)


def _records(hint: Any) -> Iterator[type]:
    if isinstance(hint, type) and dataclasses.is_dataclass(hint) and hint is not Genotype:
        yield hint
    for inner in get_args(hint):
        yield from _records(inner)


def _rows(record: type) -> Iterator[tuple[str, str, str, str]]:
    schema = TypeAdapter(record).json_schema()
    meanings = comments(record)
    for field in dataclasses.fields(record):
        default = "" if field.default is dataclasses.MISSING else _shown(field.default)
        needed = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        text = "needed" if needed else default
        yield field.name, allowed(schema["properties"][field.name]), text, meanings[field.name]


def _shown(value: Any) -> str:
    if dataclasses.is_dataclass(value):
        return ""
    return f"`{json.dumps(value)}`"


def comments(record: type) -> dict[str, str]:
    """The comment of each field: after it, or in the lines before it."""
    source = inspect.getsource(record).splitlines()
    (body,) = (node for node in ast.parse(inspect.cleandoc("\n".join(source))).body if isinstance(node, ast.ClassDef))
    found: dict[str, str] = {}
    for node in body.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            above = []
            for line in reversed(source[: node.lineno - 1]):
                if not line.strip().startswith("# "):
                    break
                above.append(line.strip().removeprefix("# "))
            after = source[(node.end_lineno or node.lineno) - 1].partition("  # ")[2]
            found[node.target.id] = " ".join([*reversed(above), after]).strip()
    return found


def allowed(schema: dict[str, Any]) -> str:
    """In words, of a JSON schema."""
    if "$ref" in schema:
        return "section"
    if "anyOf" in schema or "oneOf" in schema:
        return " or ".join(dict.fromkeys(map(allowed, schema.get("anyOf") or schema["oneOf"])))
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{value}`" for value in schema.get("enum") or [schema["const"]])
    kind: str = schema.get("type", "")
    if kind == "array":
        inner = allowed(schema.get("items") or schema["prefixItems"][0])
        return f"two: {inner}" if "prefixItems" in schema else f"list: {inner}"
    names: dict[str, str] = {"null": "null", "boolean": "true, false", "string": "text", "object": "mapping"}
    return names.get(kind, kind + _limits(schema))


def _limits(schema: dict[str, Any]) -> str:
    words = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below"}
    return "".join(f" {word} {schema[key]:.10g}" for key, word in words.items() if key in schema)
