"""Runs commands of `seisnas` one after another, each in a fork of a process that has the libraries already.

stdin    [[folder, word, word, …], …] as JSON: where, and what is typed after `seisnas`
stdout   [{"status", "message", "megabytes", "seconds"}, …]: the memory is by how much the peak grew
"""

import json
import os
import re
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import trials.prediction.bench_model
import trials.prediction.pick
import trials.prediction.predict  # noqa: F401
from trials import cli

LONGEST = 30  # seconds


def megabytes(line: str) -> float:
    found = re.search(rf"{line}:\s*(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def child(folder: str, words: list[str], report: int) -> None:
    """Ends the process."""
    signal.alarm(LONGEST)
    os.chdir(folder)
    sys.argv = ["seisnas", *words]
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = megabytes("VmRSS")
    status: Any = 0
    try:
        cli.main()
    except SystemExit as end:
        status = end.code or 0
    except BaseException as error:
        print(f"Traceback: {type(error).__name__}: {error}", file=sys.stderr)
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os.write(report, json.dumps([status, megabytes("VmHWM") - before]).encode())
    os._exit(0)


def forked(folder: str, words: list[str]) -> dict[str, Any]:
    start, (reader, writer) = time.monotonic(), os.pipe()
    with tempfile.TemporaryFile() as said:
        process = os.fork()
        if not process:
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
            child(folder, words, writer)
        os.close(writer)
        _, ending = os.waitpid(process, 0)
        told = os.read(reader, 1000)
        os.close(reader)
        said.seek(0)
        message = said.read(10**6).decode(errors="replace")
    status, grown = json.loads(told) if told else (f"killed, {ending}", 0.0)
    return {"status": status, "message": message, "megabytes": grown, "seconds": time.monotonic() - start}


if __name__ == "__main__":
    print(json.dumps([forked(folder, words) for folder, *words in json.load(sys.stdin)]))
