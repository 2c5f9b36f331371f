"""How our processes end on a signal.

    SIGINT   Ctrl-C                               status 130
    SIGTERM  kill, `timeout`, service managers    status 143
    SIGHUP   the terminal was closed              status 129; ignored under nohup

Each becomes an exception, so that files are closed, helpers ended and an experiment stopped.  A later start continues
from the checkpoint of the last whole epoch.
"""

import atexit
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

FAILURE = "failure.txt"  # in the run folder of a trial that failed or was stopped; a killed one leaves none
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERRUPTED = 128 + signal.SIGINT
STATUSES = tuple(128 + number for number in ENDINGS)


def end_on_signals() -> None:
    """Installs the handlers; a program calls it once."""
    atexit.register(_keep_status)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _end)


def _keep_status() -> None:
    """Python gives signals back their defaults while it ends: a late one would replace the exit status."""
    for number in ENDINGS:
        signal.signal(number, signal.SIG_IGN)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, _ignore)  # once is enough: cleaning up follows
    sys.exit(128 + number)


def _ignore(number: int, frame: FrameType | None) -> None:
    """Used instead of SIG_IGN, which child processes would inherit."""


@contextmanager
def cleaned_up(clean: Callable[[], object]) -> Iterator[None]:
    """Calls `clean` when the context ends, however it ends; no signal interrupts `clean`.

    The first of ENDINGS ends the context, further ones are ignored.  A first one during `clean` takes effect after it.
    """
    if threading.current_thread() is not threading.main_thread():  # only the main thread handles signals
        try:
            yield
        finally:
            clean()
        return
    received: list[int] = []
    cleaning = False
    before = {number: handler for number in ENDINGS if callable(handler := signal.getsignal(number))}

    def hear(number: int, frame: FrameType | None) -> None:
        received.append(number)
        if len(received) == 1 and not cleaning:
            before[signal.Signals(number)](number, frame)

    for number in before:
        signal.signal(number, hear)
    try:
        try:
            yield
        finally:
            cleaning = True
            late = not received
    finally:  # also if the first signal came in the lines above
        try:
            clean()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    if late and received:
        before[signal.Signals(received[0])](received[0], None)
