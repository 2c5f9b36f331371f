"""The processes that the manager starts, and the files that they write."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def test_the_files_of_an_experiment_are_private(node: Any, manager: Path) -> None:
    manager.write_text("console.log(process.umask())")
    assert node(manager) == 0o077
    folder = manager.parents[1] / "experiments" / "abc"
    assert folder.stat().st_mode & 0o777 == 0o700


def test_commands_find_our_python_first_and_children_carry_the_mark(node: Any, manager: Path) -> None:
    manager.write_text("console.log(JSON.stringify([process.env.PATH, process.env.SEISNAS_EXPERIMENT]))")
    path, mark = node(manager)
    assert path.split(":")[0] == "/our/bin"
    assert mark == "abc"


def test_the_threads_of_trials_spin_only_briefly(node: Any, manager: Path) -> None:
    manager.write_text("console.log(process.env.GOMP_SPINCOUNT)")
    assert node(manager) == 20000
    assert node(manager, GOMP_SPINCOUNT="7") == 7


@pytest.mark.skipif(not Path("/proc").exists(), reason="the guard finds processes through /proc")
def test_a_resumed_manager_ends_the_orphans_of_its_experiment_only(node: Any, manager: Path) -> None:
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    manager.write_text("console.log(0)")
    with (
        subprocess.Popen(sleep, env={**os.environ, "SEISNAS_EXPERIMENT": "abc"}) as orphan,
        subprocess.Popen(sleep, env={**os.environ, "SEISNAS_EXPERIMENT": "abcd"}) as stranger,
    ):
        try:
            node(manager)
            assert orphan.poll() is None
            node(manager, action="resume")
            assert orphan.wait(timeout=10) != 0
            assert stranger.poll() is None
        finally:
            orphan.kill()
            stranger.kill()
