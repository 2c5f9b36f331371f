"""Experiments and their trials as tables for the terminal."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rich import box
from rich.style import Style
from rich.table import Table
from rich.text import Text

from trials.experiment.nni.manager import Job
from trials.experiment.record import ExperimentRecord
from trials.experiment.tuner.schedule import final_score
from trials.experiment.watch import StageProgress, succeeded_with_score


def stage_table(stages: Iterable[StageProgress], jobs: Sequence[Job], *, interrupted: bool) -> Table:
    """A row per stage: progress and best score; `interrupted`: nothing is running, whatever the last status."""
    table = _table(
        "stage", "done", "interrupted" if interrupted else "running", "stopped early", "failed", "best score"
    )
    for stage in stages:
        best = best_job(stage.name, jobs)
        table.add_row(
            stage.name,
            f"{stage.done} of {stage.budget}",
            _count(stage.running),
            _count(stage.stopped),
            _count(stage.failed),
            _score(best) if best else "",
        )
    return table


def trial_table(
    jobs: Iterable[Job], pictures: Mapping[str, Path], *, interrupted: bool, whole_paths: bool = False
) -> Table:
    """A row per trial; `pictures`: trial → what its network predicts; `interrupted` as in `stage_table`.

    The name of a picture, a link to it, stands below the settings, so that a narrow terminal has room for them; with
    `whole_paths` its path has a column of its own.
    """
    columns = ["no.", "trial", "stage", "status", "score", "time", "settings", *(["picture"] if whole_paths else [])]
    table = _table(*columns, wide="settings")
    for job in jobs:
        status = job.status if job.ended or not interrupted else "interrupted"
        last = [Text(", ".join(f"{path}={_value(value)}" for path, value in _settings(job).items()))]
        picture = pictures.get(job.id)
        if whole_paths:
            last.append(Text(_short(picture) if picture else ""))
        elif picture:
            last[0].append("\n").append(picture.name, Style(link=picture.resolve().as_uri()))
        number = "" if job.number is None else str(job.number)
        score = _score(job) + ("" if job.ended or not _score(job) else " so far")
        table.add_row(number, job.id, job.stage or "", status.lower(), score, duration(job.seconds), *last)
    return table


def experiment_table(records: Iterable[ExperimentRecord], states: Mapping[str, str]) -> Table:
    """A row per experiment; `states`: experiment id → running, finished, …"""
    table = _table("experiment", "name", "started", "state", "trials", "best score", "folder", wide="folder")
    for record in records:
        last = list(record.budgets)[-1:] or [""]
        best = best_job(last[0], record.jobs)
        table.add_row(
            record.id,
            record.name,
            when(record.started),
            states[record.id],
            f"{sum(map(succeeded_with_score, record.jobs))} of {sum(record.budgets.values())}",
            _score(best) if best else "",
            _short(record.folder),
        )
    return table


def best_job(stage: str, jobs: Iterable[Job]) -> Job | None:
    """The successful trial with the highest score."""
    scored = [job for job in jobs if job.stage == stage and succeeded_with_score(job)]
    return max(scored, key=lambda job: final_score(job.metric) or 0.0, default=None)


def when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M") if seconds else ""


def duration(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min {rest:02} s"


def _table(*headings: str, wide: str = "") -> Table:
    table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0))
    for heading in headings:
        table.add_column(heading, no_wrap=heading != wide, overflow="fold")
    return table


def _settings(job: Job) -> dict[str, Any]:
    return job.settings if job.stage else {}


def _value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _score(job: Job) -> str:
    score = final_score(job.metric)
    return "" if score is None else f"{score:.4f}"


def _count(number: int) -> str:
    return str(number) if number else ""


def _short(folder: Path) -> str:
    here = Path.cwd()
    return str(folder.relative_to(here) if folder.is_relative_to(here) else folder)
