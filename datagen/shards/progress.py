"""How far a long run is: models made, rate, time left.  A bar on a terminal, elsewhere a line now and then."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

LINE_EVERY = 60.0  # [s]


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{60 * task.speed:.0f}/min" if task.speed else "")


@contextmanager
def models_bar(total: int, shown: bool) -> Iterator[Callable[[int], None]]:
    """Yields the function to call with the number of models just made."""
    console = Console(stderr=True)
    if shown and not console.is_terminal:
        yield Lines(total)
        return
    with Progress(
        TextColumn("models"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TextColumn("time left"),
        TimeRemainingColumn(compact=True),
        console=console,
        disable=not shown,
        auto_refresh=False,  # no thread: worker processes are forked while the bar is up
    ) as progress:
        task = progress.add_task("models", total=total)
        yield lambda models: progress.update(task, advance=models, refresh=True)


class Lines:
    """Writes how far it is to standard error, when it is called, at most once in `LINE_EVERY`."""

    def __init__(self, total: int) -> None:
        self.total, self.made = total, 0
        self.begun = self.last = time.monotonic()

    def __call__(self, models: int) -> None:
        self.made += models
        now = time.monotonic()
        if now - self.last < LINE_EVERY or self.made == 0:
            return
        self.last = now
        rate = self.made / (now - self.begun)
        left = (self.total - self.made) / rate
        text = f"{self.made:,} of {self.total:,} models, {60 * rate:.0f}/min, {left / 60:.0f} min left\n"
        sys.stderr.write(text)
        sys.stderr.flush()
