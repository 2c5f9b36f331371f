"""Sdist, wheel, and an empty virtual environment that sees the packages of this one that it is given, no others."""

import os
import shutil
import subprocess
import sys
import tarfile
import venv
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
BUILT_FROM = ("datagen", "search_spaces", "compressors", "trials", "pyproject.toml", "README.md", "LICENSE")


def build(folder: Path) -> Path:
    """The wheel, built of the sdist in `folder`; both by pyproject.toml's build backend."""
    source = folder / "source"
    source.mkdir(parents=True)
    for name in BUILT_FROM:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, source)
    sdist = _backend("build_sdist", source, folder)
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    return _backend("build_wheel", unpacked, folder)


def _backend(hook: str, source: Path, folder: Path) -> Path:
    code = f"import sys; from setuptools import build_meta; print(build_meta.{hook}(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", code, folder], cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / done.stdout.splitlines()[-1]


def needed(requirements: list[str]) -> dict[str, Distribution]:
    """Installed distributions that these need, extras left out, with what those need in turn.

    Raises PackageNotFoundError.
    """
    found: dict[str, Distribution] = {}
    for name in _without_extras(requirements):
        dist = distribution(name)
        if dist.name not in found:
            found[dist.name] = dist
            found |= {each: other for each, other in needed(dist.requires or []).items() if each not in found}
    return found


def _without_extras(requirements: list[str]) -> Iterator[str]:
    for each in map(Requirement, requirements):
        if each.marker is None or each.marker.evaluate({"extra": ""}):
            yield each.name


def environment(folder: Path, packages: dict[str, Distribution]) -> Path:
    """Its folder of programs."""
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    for dist in packages.values():
        for name in {file.parts[0] for file in dist.files or []} - {"..", "__pycache__"}:
            if not (site / name).exists():  # several share a folder of a namespace
                (site / name).symlink_to(dist.locate_file(name))
    return folder / "bin"


def run(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(words, cwd=cwd, env=clean | {"COLUMNS": "200"}, capture_output=True, text=True, timeout=120)
