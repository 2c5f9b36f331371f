"""Runs commands of `seisnas` one after another, each in a fork of a process that has the libraries already.

stdin    {name: [folder, word, word, …], …} as JSON: where, and what is typed after `seisnas`; or "python", a program
stdout   {name: {"status", "message", "megabytes", "seconds"}, …}: the memory is by how much the peak grew, the time
         that of a processor

No thread runs yet where the libraries are imported, so a child takes milliseconds and its memory is what the command
itself took.
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

import obspy  # noqa: F401

import trials.chain
import trials.prediction.bench_model
import trials.prediction.picking.pick
import trials.prediction.predict
import trials.pretraining.pretrain  # noqa: F401
from trials import cli

LONGEST = int(sys.argv[1])  # seconds, after which a command counts as one that waits for ever


def megabytes(line: str) -> float:
    """Of this process now (VmRSS), or at most so far (VmHWM)."""
    found = re.search(rf"{line}:\s*(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def child(folder: str, words: list[str], report: int) -> None:
    """Ends the process."""
    signal.alarm(LONGEST)
    os.chdir(folder)
    os.environ["HOME"] = folder
    sys.argv = ["seisnas", *words]
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = megabytes("VmRSS")
    status: Any = 0
    try:
        if words[0] == "python":
            exec(compile(words[1], "the block", "exec"), {"__name__": "__main__"})
        else:
            cli.main()
    except SystemExit as end:
        status = end.code or 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os.write(report, json.dumps([status, megabytes("VmHWM") - before, time.process_time()]).encode())
    os._exit(0)


def forked(folder: str, *words: str) -> dict[str, Any]:
    reader, writer = os.pipe()
    with tempfile.TemporaryFile() as said:
        process = os.fork()
        if not process:
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
            child(folder, list(words), writer)
        os.close(writer)
        _, ending = os.waitpid(process, 0)
        reported = os.read(reader, 1000)
        os.close(reader)
        said.seek(0)
        message = said.read(10**6).decode(errors="replace")
    status, grown, seconds = json.loads(reported) if reported else (f"killed, {ending}", 0.0, 0.0)
    return {"status": status, "message": message, "megabytes": grown, "seconds": seconds}


if __name__ == "__main__":
    print(json.dumps({name: forked(*command) for name, command in json.load(sys.stdin).items()}))
