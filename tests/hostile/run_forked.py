"""Starts forked_commands.py and hands back what it says."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def run_forked(commands: Mapping[str, list[str]], longest: int = 60) -> dict[str, dict[str, Any]]:
    """What each command did, by its name; all started by one process.  One that takes `longest` seconds is ended."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("forked_commands.py")), str(longest)],
        input=json.dumps(commands),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return dict(json.loads(done.stdout))
