"""The tutorials are walked through as a reader would: each page in a folder of its own, its blocks one after another.

sh       `seisnas …`; a line that ends with & is another program of the environment, which runs in the background
python   a program
yaml     a file, named by its first line
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.documents.fences import Block, read_blocks
from tests.hostile.run_forked import run_forked
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "tutorials").glob("*.md"))
PORT = "8786"  # as the pages have it

pytestmark = pytest.mark.timeout(1800)  # the first test waits for all pages; on a busy machine that takes long


def blocks(page: Path, language: str) -> list[Block]:
    return [block for block in read_blocks(page, ROOT) if block.mark is None and block.language == language]


def steps(page: Path) -> Iterator[tuple[str, list[str]]]:
    """What is done, and its words."""
    for block in read_blocks(page, ROOT):
        if block.mark is None and block.language == "python":
            yield block.name, ["python", block.text]
        elif block.mark is None and block.language == "sh":
            for words in block.commands:
                if words[-1] != "&":
                    yield f"{block.name}: {' '.join(words)}", words[1:]


@contextmanager
def in_the_background(words: list[str]) -> Iterator[None]:
    """Runs `python -m` of the words, and ends it with the processes that it has started."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "-m", *words], env=environment, start_new_session=True)
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What each step of each page did, by its name."""
    port, folder = str(free_port()), tmp_path_factory.mktemp("tutorials")
    commands = {}
    with pytest.MonkeyPatch.context() as patch, ExitStack() as background:
        # HOME is another there, and the compiled equations are kept in one
        patch.setenv("XDG_CACHE_HOME", os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")))
        for page in PAGES:
            shutil.copytree(ROOT / "presets", folder / page.stem / "presets")
            for block in blocks(page, "yaml"):
                name = block.text.partition("\n")[0].removeprefix("# ")
                (folder / page.stem / name).write_text(block.text)
            for words in (words for block in blocks(page, "sh") for words in block.commands if words[-1] == "&"):
                background.enter_context(in_the_background([word.replace(PORT, port) for word in words[:-1]]))
            for name, words in steps(page):
                commands[name] = [str(folder / page.stem), *(word.replace(PORT, port) for word in words)]
        return run_forked(commands, longest=500)  # the first of a survey waits for the compiler


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_step_of_a_tutorial_works(page: Path, walked: dict[str, dict[str, Any]]) -> None:
    did = {name: walked[name] for name, _ in steps(page)}
    assert did
    for name, done in did.items():
        assert done["status"] == 0, f"{name}\n{done['message']}"
