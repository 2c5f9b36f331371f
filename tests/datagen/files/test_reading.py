"""YAML and JSON keep the values they always had; what they no longer take is in tests/hostile."""

import json
from pathlib import Path

import pytest
import yaml

from datagen.errors import InputError
from datagen.files.reading import parse_json, parse_yaml, read_json, read_json_lines, read_text, read_yaml

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    "text",
    [
        "3.0e-4",
        "3e-4",
        "010",
        "0x1F",
        "1_000",
        "190:20:30",
        "-.inf",
        "~",
        "yes",
        "'1'",
        "",
        "[1, a]",
        "{a: {b: [null]}}",
        "a: |\n  x\n  y",
    ],
)
def test_values_are_those_of_pyyaml(text: str) -> None:
    assert parse_yaml(text, "it") == yaml.safe_load(text)


def test_dates_stay_text() -> None:
    assert parse_yaml("[2020-01-31, 2020-01-31 10:00:00]", "it") == ["2020-01-31", "2020-01-31 10:00:00"]


@pytest.mark.parametrize("file", sorted(ROOT.glob("*/*.yml")) + sorted(ROOT.glob("*.yml")), ids=lambda file: file.name)
def test_every_file_of_the_project_is_taken(file: Path) -> None:
    assert read_yaml(file) == yaml.safe_load(file.read_text())


def test_a_number_that_pyyaml_cannot_make_is_refused() -> None:
    with pytest.raises(InputError, match=r"^it: not YAML"):
        parse_yaml("0b_", "it")


def test_metrics_may_hold_nan_and_manifests_may_not(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    file.write_text(json.dumps({"a": float("nan")}) + "\n" + json.dumps({"a": 1}) + "\n")
    first, second = read_json_lines(file)
    assert first["a"] != first["a"]
    assert second == {"a": 1}
    with pytest.raises(InputError, match="NaN is not a finite number"):
        parse_json(file.read_text().splitlines()[0], "it")


def test_the_mark_that_some_editors_put_first_is_no_harm(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_json(tmp_path / "a.json") == {"a": 1}
    assert read_text(tmp_path / "a.json") == '{"a": 1}'
