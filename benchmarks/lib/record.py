"""A benchmark's results file: `{"command", "commit", "machine", "date", …, "rows": […]}` and a page to read beside it.

It is written after each row, so that an interrupted run keeps what it has; the same command continues from there.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import torch

from datagen.files.whole_files import whole

Row = dict[str, Any]
ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results"


def made_by(command: str | None = None, **more: Any) -> dict[str, Any]:
    """The head of a results file; `command` as this process was started, if not given."""
    started = ["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]]
    return {
        "command": command or " ".join(started),
        "commit": _commit(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {os.getloadavg()[0]:.1f} busy; "
        f"torch {torch.__version__}; no GPU",
        "date": date.today().isoformat(),
        **more,
    }


def _commit() -> str:
    """Empty where git or the repository is missing."""
    described = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    if shutil.which("git") is None:
        return ""
    return subprocess.run(described, capture_output=True, text=True, check=False).stdout.strip()


class Record:
    """results/NAME.json and NAME.md."""

    def __init__(self, name: str, title: str, command: str, **header: str) -> None:
        self.file, self.title = RESULTS / f"{name}.json", title
        self.header = made_by(command) | header
        self.rows: list[Row] = json.loads(self.file.read_text())["rows"] if self.file.exists() else []

    def has(self, **key: Any) -> bool:
        """Whether a row with these values is there."""
        return any(all(row.get(name) == value for name, value in key.items()) for row in self.rows)

    def add(self, row: Row) -> None:
        self.rows.append(row)
        self._write(self.file, json.dumps(self.header | {"rows": self.rows}, indent=1) + "\n")
        self._write(self.file.with_suffix(".md"), self._page())

    def _write(self, file: Path, text: str) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        with whole(file) as part:
            part.write_text(text)

    def _page(self) -> str:
        columns = list(dict.fromkeys(name for row in self.rows for name in row))
        lines = [f"# {self.title}", "", *(f"- {name}: {value}" for name, value in self.header.items()), ""]
        lines += [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
        lines += [f"| {' | '.join(_cell(row.get(name)) for name in columns)} |" for row in self.rows]
        return "\n".join(lines) + "\n"


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_cell(item) for item in value)
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else str(value)
