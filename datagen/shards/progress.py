"""The progress bar of a long run: models made, rate, time left.  Drawn on a terminal only."""

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


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{60 * task.speed:.0f}/min" if task.speed else "")


@contextmanager
def models_bar(total: int, shown: bool) -> Iterator[Callable[[int], None]]:
    """Yields the function to call with the number of models just made."""
    console = Console(stderr=True)
    with Progress(
        TextColumn("models"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TextColumn("time left"),
        TimeRemainingColumn(compact=True),
        console=console,
        disable=not (shown and console.is_terminal),
        auto_refresh=False,  # no thread: worker processes are forked while the bar is up
    ) as progress:
        task = progress.add_task("models", total=total)
        yield lambda models: progress.update(task, advance=models, refresh=True)
