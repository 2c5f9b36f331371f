"""Reads NNI's log files from a given time on.

[2026-11-22 20:41:47] ERROR (nni.main/MainThread) …     one line per record, and the lines that follow it
"""

import re
from datetime import datetime
from pathlib import Path

RECORD = re.compile(r"^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\]", re.MULTILINE)
LONGEST = 4000  # characters of a record that are shown


def traceback_in(log: Path, since: float) -> str | None:
    """The last Python traceback since the time `since` [s since 1970]; None when there is none."""
    _, found, last = _recent(log, since).rpartition("Traceback")
    return f"{found}{last[:LONGEST]}" if found else None


def error_in(log: Path, since: float) -> str | None:
    """The message of the last record of level ERROR since then."""
    errors = re.findall(r"^\[[^]]+\] ERROR \([^)]*\)+ (.*)", _recent(log, since), re.MULTILINE)
    return str(errors[-1])[:LONGEST] if errors else None


def last_line(log: Path) -> str:
    """The last line that is not empty; empty when there is none."""
    text = log.read_text(errors="replace") if log.is_file() else ""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


def _recent(log: Path, since: float) -> str:
    text = log.read_text(errors="replace") if log.is_file() else ""
    started = datetime.fromtimestamp(since).strftime("[%Y-%m-%d %H:%M:%S]")
    return next((text[line.start() :] for line in RECORD.finditer(text) if line[0] >= started), "")
