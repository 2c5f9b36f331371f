"""A data set is made with one import, as its documentation shows; the import alone costs nothing."""

import doctest
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import datagen
from datagen import make_data_set
from datagen.errors import InputError

PRESETS = Path(__file__).parents[2] / "presets"


def test_the_documented_example_gives_what_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "presets").symlink_to(PRESETS)
    monkeypatch.chdir(tmp_path)
    result = doctest.testmod(datagen)
    assert result.attempted == 6
    assert result.failed == 0


def test_the_package_is_imported_without_devito_and_pydantic() -> None:
    code = "import sys, datagen; sys.exit(bool({'devito', 'pydantic', 'numpy', 'yaml'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data.survey.shots": 0}, r"data\.survey\.shots: got '0'"),
        ({"data.sede": 3}, r"data\.sede: got '3'"),
        ({"data.seed.more": 3}, r"data\.seed\.more: seed is a single value"),
        ({"tune.epochs": 3}, r"tune\.epochs: a data set is made from the settings under data"),
        ({"data.geology.velocity": [4000.0, 1500.0]}, r"data\.geology\.velocity.*the first value must not be above"),
    ],
)
def test_what_is_wrong_in_the_changes_is_an_input_error(changes, message, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        make_data_set(PRESETS / "quickstart.yml", tmp_path / "set", changes=changes)
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no such file"),
        ("[1, 2]", "expected `key: value` lines"),
        ("name: mine\n", "has no section data"),
        ("data: 3\n", "data: got '3'"),
        (yaml.safe_dump({"data": {"folder": "x"}}), r"data\.grid"),
    ],
)
def test_what_is_wrong_in_the_preset_is_an_input_error(text, message, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "my.yml").write_text(text)
    with pytest.raises(InputError, match=message):
        make_data_set(tmp_path / "my.yml")


def test_a_change_of_a_preset_whose_data_is_no_section_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "my.yml").write_text("data: 3\n")
    with pytest.raises(InputError, match=r"data\.folder: data is a single value"):
        make_data_set(tmp_path / "my.yml", tmp_path / "set")
