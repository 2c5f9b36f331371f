"""What the page shows of an experiment, from its record and the run folders of its trials, as one JSON tree.

    {"experiment": {id, name, folder, started, status, reason, doing, nni_page},   doing: what else is under way
     "stages":     [{name, budget, done, running, failed, seconds_left, best}],    best: id of a trial
     "quality":    {key, name},                    the score that networks are ranked by: SSIM, or picks that hit
     "trials":     [{id, number, stage, status, quality, epochs, settings, pictures, export, …}],
     "front":      [id, …]}                        networks that no other beats in quality and non-zero parameters

Numbers that are not finite become null.  Nothing here needs a running manager or a browser.
"""

import math
import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from compressors.pareto import Point, front
from datagen.errors import InputError
from datagen.files.reading import read_json, read_json_lines, read_yaml
from trials.experiment.nni.logs import last_line
from trials.experiment.nni.manager import Job
from trials.experiment.record import ExperimentRecord
from trials.experiment.state import ExperimentState
from trials.experiment.table import best_job
from trials.experiment.tuner.schedule import final_score
from trials.experiment.watch import StageProgress, progress
from trials.results.latencies import known_latency
from trials.results.page.time_left import Timed, seconds_left
from trials.stages.search_front import read_front
from trials.training.pictures.names import pictures

STATUSES = {
    "EARLY_STOPPED": "stopped early",
    "USER_CANCELED": "cancelled",
    "SYS_CANCELED": "cancelled",
}
MEASURES = ("correlation", "nonzero", "parameters", "velocity_ssim", "blank_ssim", "sparsity")
EXPORTED = ("tune", "compress")  # stages whose networks `seisnas export` takes
QUALITIES = {"first_break": ("hit_5", "picks within 5 samples")}  # by target; of images, and by default:
SSIM = ("ssim", "SSIM")

Tree = dict[str, Any]


def page_content(record: ExperimentRecord, state: ExperimentState, doing: str = "") -> Tree:
    """The tree; `doing`: what else is under way, in words."""
    stages = progress(record.budgets, record.jobs)
    status = _status(state, stages, record.jobs)
    key, name = next(filter(None, map(_quality, record.jobs)), SSIM)
    trials = [_trial(job, record, key, status) for job in record.jobs]
    tree = {
        "experiment": {
            "id": record.id,
            "name": record.name or record.id,
            "folder": str(record.folder),
            "started": record.started,
            "status": status,
            "reason": state.reason or _failure(status, trials),
            "doing": doing,
            "nni_page": state.url,
        },
        "quality": {"key": key, "name": name},
        "stages": [_stage(stage, record, trials, status) for stage in stages],
        "trials": trials,
        "front": _front(trials),
    }
    found: Tree = _finite(tree)
    return found


def before_experiment(name: str, doing: str) -> Tree:
    """The tree while there is no experiment yet."""
    experiment = {"id": "", "name": name, "folder": "", "started": None, "status": "starting", "reason": "",
                  "doing": doing, "nni_page": ""}  # fmt: skip
    key, words = SSIM
    quality = {"key": key, "name": words}
    return {"experiment": experiment, "quality": quality, "stages": [], "trials": [], "front": []}


def _status(state: ExperimentState, stages: Sequence[StageProgress], jobs: Sequence[Job]) -> str:
    """Beyond the state, whether an experiment that is over failed, or was stopped by someone."""
    if state.status in ("running", "failed", "finished"):
        return state.status
    if stages and all(stage.done >= stage.budget for stage in stages):
        return "finished"
    failed = [job for job in jobs if job.status == "FAILED"]
    interrupted = [job for job in jobs if not job.ended or job.status in ("USER_CANCELED", "SYS_CANCELED")]
    return "failed" if failed and not interrupted else "stopped"


def _failure(status: str, trials: Sequence[Tree]) -> str:
    """What the trials of a failed experiment said last."""
    failed = [trial for trial in trials if trial["status"] == "failed"] if status == "failed" else []
    return "\n".join(f"{trial['stage']} trial {trial['number']}: {trial['said'] or 'no output'}" for trial in failed)


def _stage(stage: StageProgress, record: ExperimentRecord, trials: Sequence[Tree], status: str) -> Tree:
    mine = [trial for trial in trials if trial["stage"] == stage.name]
    best = best_job(stage.name, record.jobs)
    running = [trial for trial in mine if trial["status"] == "running"]
    ended = [trial for trial in mine if trial["status"] == "succeeded" and trial["seconds"] is not None]
    timed = [Timed(seconds=trial["seconds"], running=False) for trial in ended]
    timed += [Timed(seconds=trial["seconds"] or 0.0, running=True, share=_share(trial)) for trial in running]
    to_come = max(0, stage.budget - len([trial for trial in mine if trial["status"] not in ("waiting", "interrupted")]))
    at_a_time = int(record.config.get("trialConcurrency") or 1)
    return {
        "name": stage.name,
        "budget": stage.budget,
        "done": stage.done,
        "running": len(running),
        "failed": stage.failed,
        "stopped_early": stage.stopped,
        "seconds_left": seconds_left(timed, to_come, at_a_time) if status == "running" and mine else None,
        "best": best.id if best else None,
    }


def _share(trial: Tree) -> float | None:
    done, planned = len(trial["epochs"]), trial["epochs_planned"]
    return done / planned if done and planned else None


def _trial(job: Job, record: ExperimentRecord, key: str, status: str) -> Tree:
    folder = job.folder if job.folder is not None and job.folder.is_dir() else None
    result = _read(_read_json, folder, "result.json", {}) if job.status == "SUCCEEDED" else {}
    scores = (_score_of(row, key) for row in _read(read_json_lines, folder, "metrics.jsonl", []))
    epochs = [score for score in scores if score is not None]
    word = STATUSES.get(job.status, job.status.lower())
    return {
        "id": job.id,
        "number": job.number,
        "stage": job.stage,
        "status": word if job.ended or status == "running" else "interrupted",
        "score": final_score(job.metric),
        "quality": _number(result.get(key, epochs[-1] if epochs else None)),
        **{name: _number(result.get(name)) for name in MEASURES},
        "latency_ms": known_latency(folder) if folder else None,
        "seconds": _seconds(job, status),
        "started": job.started,
        "epochs": epochs,
        "epochs_planned": _planned(folder, job.stage),
        "settings": job.settings if job.stage else {},
        "folder": str(folder) if folder else None,
        "pictures": pictures(folder) if folder else [],
        "searched": _searched(record, job, folder) if result else [],
        "export": _export(record, job, folder) if result and job.stage in EXPORTED else None,
        "said": last_line(folder / "trial.stderr") if folder and job.status == "FAILED" else "",
    }


def _seconds(job: Job, status: str) -> float | None:
    if job.ended or job.started is None:
        return job.seconds
    return max(0.0, time.time() - job.started) if status == "running" else None


def _score_of(row: Any, key: str) -> float | None:
    """Of an epoch: on the validation split, or of a search without one its own, as NNI gets it."""
    return _number(row.get(f"val_{key}", row.get(f"train_{key}"))) if isinstance(row, Mapping) else None


def _number(value: Any) -> float | None:
    """A finite number, or None."""
    return value if isinstance(value, int | float) and math.isfinite(value) else None


def _planned(folder: Path | None, stage: str | None) -> int | None:
    """How many epochs the trial has in its metrics at the end; None when that is not known beforehand."""
    config = _read(read_yaml, folder, "config.yml", {})
    try:
        if stage == "search":
            search = config["search"]
            return int(search["retrain_epochs"] + (0 if search["strategy"] == "random" else search["epochs"]))
        if stage == "compress":
            compress = config["compress"]
            return int(compress["epochs"] * (compress["steps"] if compress["schedule"] == "gradual" else 1))
        return None if config["tune"]["minutes"] else int(config["tune"]["epochs"])
    except (KeyError, TypeError):
        return None


def _quality(job: Job) -> tuple[str, str] | None:
    config = _read(read_yaml, job.folder, "config.yml", {})
    return QUALITIES.get(str(config["target"]), SSIM) if "target" in config else None


def _export(record: ExperimentRecord, job: Job, folder: Path | None) -> str:
    bundle = Path("exports", f"{record.name or record.id}-{job.id}")
    return f"seisnas export {shlex.quote(str(folder))} --output {shlex.quote(str(bundle))}"


def _searched(record: ExperimentRecord, job: Job, folder: Path | None) -> list[Tree]:
    """The networks on the front of a search with several objectives, the best first, each with its command."""
    try:
        points = list(read_front(folder)) if folder else []
    except InputError:
        return []
    begin = f"seisnas tune --from {shlex.quote(str(folder))}"
    return [
        {
            "quality": point.ssim,
            "parameters": point.nonzero,
            "latency_ms": point.latency_ms,
            "tune": f"{begin} --max-params {point.nonzero} --max-latency {math.ceil(100 * point.latency_ms) / 100} "
            f"--run {shlex.quote(f'runs/{record.name or record.id}/point-{point.name}')}",
        }
        for point in points
    ]


def _front(trials: Sequence[Tree]) -> list[str]:
    """Ids, the smallest network first."""
    points = [
        Point(name=trial["id"], ssim=trial["quality"], nonzero=int(trial["nonzero"]), latency_ms=1.0, score=0.0)
        for trial in trials
        if trial["export"] and trial["nonzero"] and trial["quality"] is not None
    ]
    return [point.name for point in front(points)]


def _read_json(path: Path) -> Any:
    return read_json(path, nan=True)


def _read(reader: Callable[[Path], Any], folder: Path | None, name: str, otherwise: Any) -> Any:
    """The content of a file of a run folder; `otherwise` when it is not there, damaged, or of another type."""
    if folder is None:
        return otherwise
    try:
        found = _unchanged(reader, folder / name, (folder / name).stat().st_mtime_ns)
    except (InputError, OSError):
        return otherwise
    return found if isinstance(found, type(otherwise)) else otherwise


@lru_cache(maxsize=4096)
def _unchanged(reader: Callable[[Path], Any], file: Path, changed: int) -> Any:
    return reader(file)


def _finite(tree: Any) -> Any:
    """The tree without the numbers that JSON does not have."""
    if isinstance(tree, Mapping):
        return {name: _finite(value) for name, value in tree.items()}
    if isinstance(tree, list):
        return [_finite(value) for value in tree]
    return None if isinstance(tree, float) and not math.isfinite(tree) else tree
