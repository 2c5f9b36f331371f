"""Runs commands of `seisnas`, each in a forked child, and says how each ended: test_hostile_files.py starts this.

stdin: {name: [folder, [word, …]], …}      stdout: {name: [status, text, bytes of memory, seconds of a core], …}

The libraries are imported once, here, where no thread runs yet: a child takes milliseconds and its memory is what the
command itself took.
"""

import json
import os
import re
import signal
import sys
import time
from pathlib import Path

import obspy  # noqa: F401

import trials.chain
import trials.prediction.predict
import trials.pretraining.pretrain  # noqa: F401
from trials import cli

SECONDS = 60  # after which a command counts as one that waits for ever


def ended(folder: str, words: list[str]) -> tuple[int, str, int, float]:
    """Exit status (of a child killed by the alarm: -14), what was said, memory [bytes] and processor time [s]."""
    told, taken = Path(folder, "told.txt"), Path(folder, "taken.txt")
    taken.write_text("[0, 0]")
    child = os.fork()
    if child == 0:
        signal.alarm(SECONDS)
        before = memory("VmRSS")
        os.chdir(folder)
        os.environ["HOME"] = folder
        stream = os.open(told, os.O_WRONLY | os.O_CREAT)
        os.dup2(stream, 1)
        os.dup2(stream, 2)
        status = 99
        try:
            sys.argv = ["seisnas", *words]
            cli.main()
        except SystemExit as end:
            status = int(end.code or 0)
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            taken.write_text(json.dumps([memory("VmHWM") - before, time.process_time()]))
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return status, told.read_text(errors="replace"), *json.loads(taken.read_text())


def memory(field: str) -> int:
    """[bytes] of this process now (VmRSS), or at most so far (VmHWM)."""
    found = re.search(rf"{field}:\s*(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return 1024 * int(found[1])


if __name__ == "__main__":
    commands = json.load(sys.stdin)
    sys.stdout.write(json.dumps({name: ended(*command) for name, command in commands.items()}))
