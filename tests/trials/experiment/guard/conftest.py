import importlib.util
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trials.experiment.nni import portal

Started = subprocess.CompletedProcess[str]


def nni_node() -> Path:
    found = importlib.util.find_spec("nni_node")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent


@pytest.fixture
def manager(tmp_path: Path) -> Path:
    """Where a script goes that takes the manager's place: in a copy of NNI's files, beside the helpers of here."""
    folder = tmp_path / "nni_node"
    shutil.copytree(nni_node(), folder, ignore=shutil.ignore_patterns("node_modules", "node", "static", "main.js"))
    (folder / "static").mkdir()
    shutil.copy(nni_node() / "static" / "index.html", folder / "static")
    for helper in Path(__file__).parent.glob("*.js"):
        shutil.copy(helper, folder)
    return folder / "main.js"


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., Started]:
    """Runs a script as NNI starts its manager."""

    def run(script: Path, action: str = "create", prefix: str = "", **environment: str) -> Started:
        (tmp_path / "experiments" / "abc").mkdir(parents=True, exist_ok=True)
        words = ["--experiments-directory", tmp_path / "experiments", "--experiment-id", "abc"]
        words += ["--python-interpreter", "/our/bin/python", "--action", action, "--port", "1"]
        words += ["--url-prefix", prefix] if prefix else []
        modules = f"{tmp_path / 'nni_node'}:{nni_node() / 'node_modules'}"
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "NODE_PATH": modules, **environment}
        return subprocess.run(
            [nni_node() / "node", script, *words],
            capture_output=True,
            text=True,
            env=portal.guarded(environment),
            timeout=60,
        )

    return run


@pytest.fixture
def node(start: Callable[..., Started]) -> Callable[..., Any]:
    """What a script prints last, as JSON."""

    def run(script: Path, action: str = "create", prefix: str = "", **environment: str) -> Any:
        done = start(script, action, prefix, **environment)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run
