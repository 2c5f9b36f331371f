"""Starts forked_commands.py and hands back what it says."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def run_forked(commands: Mapping[str, list[str]]) -> dict[str, dict[str, Any]]:
    """What each command did, by its name; all started by one process."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("forked_commands.py"))],
        input=json.dumps(commands),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return dict(json.loads(done.stdout))
