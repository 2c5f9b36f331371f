"""The documents are true: every code block is run, or its mark says why not; every path that they name exists."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.testing import CliRunner

from datagen.files.reading import parse_yaml, read_yaml
from tests.documents.fences import Block, read_blocks
from tests.documents.tiny_project import write_project
from tests.hostile.run_forked import run_forked
from trials.cli import app
from trials.commands.app import PANELS
from trials.commands.examples import EXAMPLES
from trials.experiment.plan import load_plan
from trials.settings.config import load

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
TUTORIALS = sorted((ROOT / "docs" / "tutorials").glob("*.md"))  # tests/documents/test_tutorials.py runs them
BLOCKS = [block for document in DOCUMENTS for block in read_blocks(document, ROOT)]
IN_TUTORIALS = [block for tutorial in TUTORIALS for block in read_blocks(tutorial, ROOT)]
FOLDERS = ("datagen", "search_spaces", "compressors", "trials", "tests", "benchmarks", "docs", "presets")


def of(blocks: list[Block], language: str, *marks: str | None) -> list[Block]:
    return [block for block in blocks if block.language == language and block.mark in marks]


def each(blocks: list[Block]) -> Any:
    return pytest.mark.parametrize("block", blocks, ids=[block.name for block in blocks])


def parsed(words: list[str]) -> None:
    """As the command line reads them, up to the call.  Raises what typer raises: no such command, option, value."""
    group = typer.main.get_command(app)
    outside = group.make_context("seisnas", list(words))
    name, command, rest = group.resolve_command(outside, words)
    command.make_context(name, rest, parent=outside)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("documents") / "project"
    folder.mkdir()
    write_project(folder, ROOT / "presets")
    return folder


@pytest.fixture(scope="module")
def results(project: Path) -> dict[str, list[dict[str, Any]]]:
    """What each line of the shell blocks did, by block; those of a document go on in one copy of the project."""
    commands = {}
    for document in DOCUMENTS:
        shutil.copytree(project, project.with_name(document.stem))
    for block in of(BLOCKS, "sh", None):
        folder = project.with_name(block.document.stem)
        for number, (_, *words) in enumerate(block.commands):
            commands[f"{block.name} {number}"] = [str(folder), *words]
    with pytest.MonkeyPatch.context() as patch:  # HOME is another there, and the compiled equations are kept in one
        patch.setenv("XDG_CACHE_HOME", os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")))
        done = run_forked(commands, longest=300)  # the first of a survey waits for the compiler
    return {block.name: [did for name, did in done.items() if name.startswith(f"{block.name} ")] for block in BLOCKS}


def test_every_block_says_what_it_is() -> None:
    known = {"python", "sh", "yaml", "text"}
    every = BLOCKS + IN_TUTORIALS
    assert [block.name for block in every if block.language not in known and block.mark != "not run"] == []
    assert len(BLOCKS) > 20


@each(of(BLOCKS, "python", None))
def test_the_lines_of_python_run(block: Block, project: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(project, tmp_path / "project")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    code = [sys.executable, "-c", block.text]
    done = subprocess.run(code, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@each(of(BLOCKS + IN_TUTORIALS, "sh", None, "parsed only"))
def test_the_command_line_knows_every_word(block: Block) -> None:
    for program, *words in block.commands:
        if words[-1] != "&":  # another program's
            assert program == "seisnas"
            parsed(words)


@pytest.mark.parametrize("name", [name for panel in PANELS.values() for name in panel])
def test_the_examples_of_a_command_are_of_it_and_its_help_ends_with_them(name: str) -> None:
    for line in EXAMPLES[name]:
        program, *words = shlex.split(line)
        assert (program, words[0]) == ("seisnas", name)
        parsed(words)
    help_text = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "200"}).output
    assert all(line in help_text for line in EXAMPLES[name])


@each(of(BLOCKS, "sh", None))
def test_the_commands_run(block: Block, results: dict[str, list[dict[str, Any]]]) -> None:
    for words, did in zip(block.commands, results[block.name], strict=True):
        assert did["status"] == 0, f"{words}\n{did['message']}"


@each(of(BLOCKS, "yaml", None))
def test_the_settings_are_accepted(block: Block, tmp_path: Path) -> None:
    tree = parse_yaml(block.text, block.name)
    if "trainingService" in tree:
        ours = read_yaml(ROOT / "nni_config.yml") | {"searchSpaceFile": str(ROOT / "search_spaces" / "suite.yml")}
        ours["tuner"]["codeDirectory"] = str(ROOT)
        (tmp_path / "nni_config.yml").write_text(yaml.safe_dump(ours | tree))
        load_plan(tmp_path / "nni_config.yml")
    else:
        changes = {f"{section}.{name}": value for section in tree for name, value in tree[section].items()}
        load(ROOT / "presets" / "quickstart.yml", changes)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("generat", "No such command"),
        ("generate --pre-set x", "No such option"),
        ("show-data --count none", "valid integer"),
        ("predict", "Missing parameter: bundle"),
    ],
)
def test_the_command_line_does_not_know_any_word(words: str, message: str) -> None:
    with pytest.raises(Exception, match=message):
        parsed(words.split())


@pytest.mark.parametrize("document", DOCUMENTS + TUTORIALS, ids=lambda document: document.name)
def test_every_command_that_is_named_exists(document: Path) -> None:
    known = typer.main.get_command(app).commands
    named = set(re.findall(r"`seisnas ([a-z][\w-]*)", document.read_text()))
    assert named <= set(known)


@pytest.mark.parametrize("document", DOCUMENTS + TUTORIALS, ids=lambda document: document.name)
def test_every_path_that_is_named_exists(document: Path) -> None:
    text = "".join(re.split(r"^```.*?^```$", document.read_text(), flags=re.MULTILINE | re.DOTALL))
    links = [link for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text) if "://" not in link]
    places = [word for word in re.findall(r"`([\w./*-]+)`", text) if word.split("/")[0] in FOLDERS and "/" in word]
    missing = [link for link in links if not (document.parent / link).exists()]
    missing += [place for place in places if not list(ROOT.glob(place))]
    assert missing == []


def test_the_map_of_the_code_is_true() -> None:
    (text,) = (block.text for block in BLOCKS if block.text.startswith("datagen/"))
    above, found = "", []
    for line in text.splitlines():
        folder = line.split()[0]
        above, place = (above, above + folder) if line.startswith(" ") else (folder, folder)
        found.append(place.rstrip("/"))
        starts = line.partition("start: ")[2]
        for name in filter(None, starts.split(", ")):
            assert (ROOT / place / name).is_file(), f"{place}{name}"
    packages = ["datagen", "search_spaces", "compressors", "trials"]
    there = [*packages, *(f"trials/{file.parent.name}" for file in (ROOT / "trials").glob("*/__init__.py"))]
    assert sorted(found) == sorted(there)
