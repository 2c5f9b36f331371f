"""Two experiments side by side on one page: what they reached, what it cost, what differs in their settings.

experiment folder ─► its finished trials ─► the best of the last stage ─┬► facts, settings, curves, picture ─► HTML
experiment folder ─► …                                                 ─┘

Scores are those of the validation split, which every trial has; only one experiment's winners are ever tested.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup
from numpy import mean, std

from datagen.errors import InputError
from trials.experiment.plan import FinishedTrial, finished_trials
from trials.experiment.record import ExperimentRecord
from trials.experiment.table import duration, when
from trials.results.figures import curves_svg, size_svg
from trials.results.latencies import known_latency
from trials.results.report.report import read_curve
from trials.results.report.trial_table import readable, small_picture
from trials.results.report.write import Figure, write_page
from trials.results.summary import epochs_of
from trials.running.run_folder import RunFolder
from trials.settings.config import to_tree
from trials.training.pictures.names import last_picture

OWN = ("network.genotype", "seed", "training.teacher")  # differ without having been chosen: drawn, or a trial's folder


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of the two experiments."""

    record: ExperimentRecord
    stages: dict[str, list[FinishedTrial]]  # those with trials that have finished, in their order

    @property
    def name(self) -> str:
        return f"{self.record.name or 'experiment'} {self.record.id}"

    @property
    def last(self) -> FinishedTrial:
        """The best trial of the last stage: the experiment's result."""
        return best(list(self.stages.values())[-1])

    @property
    def trainings(self) -> list[RunFolder]:
        """Those that have made its weights: the run that it started from, then its own."""
        source = (self.last.parameters.get("winner") or {}).get("run")
        before = [RunFolder(source)] if self.last.stage == "compress" and source and Path(source).is_dir() else []
        return [*before, RunFolder(self.last.run)]


def best(trials: Sequence[FinishedTrial]) -> FinishedTrial:
    """By the score that the tuner was given."""
    return max(trials, key=lambda trial: float(trial.metrics["default"]))


def side_of(record: ExperimentRecord) -> Side:
    """Raises InputError: no trial of the experiment has finished, or they make no images."""
    trials = finished_trials(record.folder)
    stages = {
        name: [trial for trial in trials if trial.stage == name and "ssim" in trial.metrics] for name in record.budgets
    }
    stages = {name: found for name, found in stages.items() if found}
    if not stages:
        raise InputError(f"experiment {record.id}: no trial that makes images has finished; give another experiment")
    return Side(record=record, stages=stages)


def write_beside(one: ExperimentRecord, other: ExperimentRecord, out: Path) -> Path:
    """Writes the page and returns its path.  Raises InputError as `side_of`, or when the disk is full."""
    sides = [side_of(one), side_of(other)]
    trees = [dict(_flat(to_tree(RunFolder(side.last.run).config))) for side in sides]
    return write_page(
        "beside.html",
        out,
        sides=sides,
        warning=_warning(sides),
        facts=_facts(sides),
        settings=_differences(*trees),
        figures=_figures(sides),
        pictures=[small_picture(last_picture(side.last.run)) for side in sides],
    )


def _warning(sides: Sequence[Side]) -> str:
    """Why their scores cannot be compared; empty if they can."""
    data = {side.last.metrics.get("data") for side in sides}
    return "" if len(data) == 1 else "They were scored on different data, so that one SSIM says nothing of the other."


def _facts(sides: Sequence[Side]) -> list[tuple[str, list[str]]]:
    """Rows of the table: what, and its value for each experiment."""
    rows: list[tuple[str, list[str]]] = [
        ("started", [when(side.record.started) for side in sides]),
        ("trials' time, added up", [_time(side) for side in sides]),
    ]
    for stage in dict.fromkeys(stage for side in sides for stage in side.stages):
        rows.append((f"{stage}: SSIM, best (mean ± spread of its trials)", [_ssims(side, stage) for side in sides]))
    known = [side.last for side in sides]
    rows.append(("last network, of the highest score", [f"{trial.stage}, trial {trial.id}" for trial in known]))
    for words, key, form in (
        ("SSIM", "ssim", "{:.4f}"),
        ("SSIM of a blank image", "blank_ssim", "{:.4f}"),
        ("correlation", "correlation", "{:.3f}"),
        ("SSIM of its velocity", "velocity_ssim", "{:.4f}"),
        ("parameters", "parameters", "{:,}"),
        ("not zero", "nonzero", "{:,}"),
    ):
        rows.append((words, [form.format(trial.metrics[key]) if key in trial.metrics else "–" for trial in known]))
    times = [known_latency(trial.run) for trial in known]
    rows.append(("latency, ONNX Runtime, 1 thread", [f"{each:.3g} ms" if each is not None else "–" for each in times]))
    epochs = [[epochs_of(run) for run in side.trainings] for side in sides]
    rows.append(("epochs", [" + ".join(map(str, each)) for each in epochs]))
    seen = [
        sum(count * run.config.data.split.train for count, run in zip(each, side.trainings, strict=True))
        for each, side in zip(epochs, sides, strict=True)
    ]
    rows.append(("samples seen", [f"{each:,}" for each in seen]))
    return rows


def _time(side: Side) -> str:
    seconds = [trial.metrics.get("seconds") or 0.0 for trials in side.stages.values() for trial in trials]
    return f"{duration(sum(seconds))}, {len(seconds)} trials"


def _ssims(side: Side, stage: str) -> str:
    values = [trial.metrics["ssim"] for trial in side.stages.get(stage, [])]
    return f"{max(values):.4f} ({mean(values):.4f} ± {std(values):.4f} of {len(values)})" if values else "–"


def _differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """Settings of the last networks that differ, but for those that a search draws."""
    paths = [path for path in {**one, **other} if not path.startswith(OWN) and one.get(path) != other.get(path)]
    return [(path, [readable(each.get(path)) for each in (one, other)]) for path in paths]


def _flat(tree: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _figures(sides: Sequence[Side]) -> list[Figure]:
    blank = sides[0].last.metrics.get("blank_ssim")
    levels = {} if blank is None or _warning(sides) else {"blank image": blank}
    points = [(side.name, int(side.last.metrics["nonzero"]), side.last.metrics["ssim"]) for side in sides]
    trials = [
        (side.record.id, int(trial.metrics["nonzero"]), trial.metrics["ssim"])
        for side in sides
        for found in side.stages.values()
        for trial in found
    ]
    alt = "; ".join(f"{name}: {size:,} weights, SSIM {score:.3f}" for name, size, score in points)
    plot = Markup(size_svg(points, trials, levels))
    figures = [Figure(plot, f"SSIM against size. {alt}", "The last networks, and all trials.")]
    for stage in dict.fromkeys(stage for side in sides for stage in side.stages):
        runs = {side.name: RunFolder(best(side.stages[stage]).run) for side in sides if stage in side.stages}
        curves = {name: read_curve(run, name).val_ssim for name, run in runs.items() if _has_curve(run)}
        if curves:
            ends = "; ".join(f"{name}: {values[-1]:.3f} after {len(values)} epochs" for name, values in curves.items())
            drawn = Markup(curves_svg(curves, f"{stage}: validation SSIM", levels))
            figures.append(Figure(drawn, f"{stage}. {ends}", "The best trial of each, epoch by epoch."))
    return figures


def _has_curve(run: RunFolder) -> bool:
    return any("val_ssim" in row for row in run.metrics)
