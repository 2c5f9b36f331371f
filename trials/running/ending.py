"""How our processes end when they are told to: Ctrl-C with status 130, SIGTERM with status 143.

SIGTERM becomes an exception, so that files are closed, helpers ended and an experiment stopped as after Ctrl-C.
The checkpoint of the last whole epoch is what a later start goes on from.
"""

import signal
import sys
from types import FrameType
from typing import NoReturn

FAILURE = "failure.txt"  # in the run folder of a trial that failed or was told to end; a killed one leaves no word
INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM


def end_on_sigterm() -> None:
    """To be called once by a program."""
    signal.signal(signal.SIGTERM, _end)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough: what follows is the cleaning up
    sys.exit(TERMINATED)
