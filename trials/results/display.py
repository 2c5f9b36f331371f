"""What `seisnas run` shows during the experiment: a bar per stage, or a line per trial without a terminal."""

from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from trials.experiment.watch import Snapshot, StageProgress
from trials.results.page.server import PageServer


class ExperimentDisplay:
    """Give `update` to `run_experiment`; a context manager, because a live display must be ended."""

    def __init__(self, console: Console, page: PageServer, experiments: Path) -> None:
        """`page` will show the experiment, whose folder lies in `experiments`."""
        self._console = console
        self._page, self._experiments = page, experiments
        self._announced = False
        self._shown: tuple[StageProgress, ...] = ()
        self._progress = Progress(
            TextColumn("{task.description:<9}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
            console=console,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def update(self, snapshot: Snapshot) -> None:
        if not self._announced:
            self._page.show(self._experiments / snapshot.experiment)
            pages = f"watch it at {self._page.url} (NNI's page: {snapshot.url})"
            self._console.print(f"experiment {snapshot.experiment}: {pages}", soft_wrap=True)
            for stage in snapshot.stages:
                self._progress.add_task(stage.name, total=stage.budget, note="", start=False)
            self._announced = True
        for task, stage in zip(self._progress.tasks, snapshot.stages, strict=True):
            if stage.running and not task.started:
                self._progress.start_task(task.id)
            if stage.done == stage.budget:
                self._progress.stop_task(task.id)
            self._progress.update(task.id, completed=stage.done, note=_note(snapshot, stage))
        if not self._console.is_terminal:
            self._log(snapshot)

    def _log(self, snapshot: Snapshot) -> None:
        for before, stage in zip(self._shown, snapshot.stages, strict=bool(self._shown)):
            if stage.done != before.done or stage.failed != before.failed:
                note = _note(snapshot, stage)  # empty when the next stage has begun already
                done = f"{stage.name}: {stage.done} of {stage.budget} trials done"
                self._console.print("; ".join([done, note] if note else [done]))
        self._shown = snapshot.stages


def _note(snapshot: Snapshot, stage: StageProgress) -> str:
    latest = snapshot.latest
    if stage.name != snapshot.stage or not isinstance(latest, dict) or "default" not in latest:
        return f"{stage.failed} failed" if stage.failed else ""
    return f"score {latest['default']:.4f}" + (f", {stage.failed} failed" if stage.failed else "")
