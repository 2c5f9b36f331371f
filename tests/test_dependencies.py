"""Each line of pyproject.toml that asks for a package names a file that imports it."""

import ast
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from trials.commands.extras import EXTRAS

ROOT = Path(__file__).parents[1]
IMPORTED_AS = {
    "dask": "distributed",
    "nvidia-ml-py": "pynvml",
    "pillow": "PIL",
    "pyyaml": "yaml",
    "scikit-fmm": "skfmm",
    "scikit-image": "skimage",
}
OF_OTHERS = {
    "setuptools": "nnictl",
    "tensorboard": "Lightning",
    "optuna-dashboard": "export-study",
}  # who imports what no file of ours does


def lines() -> dict[str, str]:
    """Package → comment."""
    table = (ROOT / "pyproject.toml").read_text().split("\ndependencies = [", 1)[1].split("\ndev = ", 1)[0]
    found = [re.match(r'    "([\w-]+)[^"]*",\s*(?:# (.*))?$', line) for line in table.splitlines()]
    return {match[1]: match[2] or "" for match in found if match and match[1] != "seisnas"}


def imported_as(package: str) -> str:
    return IMPORTED_AS.get(package, package.replace("-", "_"))


def imports(file: Path) -> set[str]:
    """Packages that a file imports anywhere in it."""
    nodes = list(ast.walk(ast.parse(file.read_text())))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize(("package", "comment"), lines().items())
def test_the_comment_of_a_dependency_names_files_that_import_it(package: str, comment: str) -> None:
    if package in OF_OTHERS:
        assert OF_OTHERS[package] in comment
        return
    files = re.findall(r"\w[\w/]*\.py", comment)
    named = [name for name in files if "/" in name]
    assert named, f"{package}: the comment names no file"
    for name in named:
        assert imported_as(package) in imports(ROOT / name), f"{name}: no {package}"


@pytest.mark.parametrize("extra", EXTRAS)
def test_a_command_knows_which_extra_brings_a_package(extra: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {Requirement(line).name for line in project["optional-dependencies"][extra]} - {"seisnas"}
    others = {"setuptools": "pkg_resources"}  # what is imported of it
    assert {others.get(name, imported_as(name)) for name in names} <= set(EXTRAS[extra])
