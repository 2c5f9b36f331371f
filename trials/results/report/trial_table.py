"""The trials of the report, a table a stage: a column a setting, pictures, and what each setting mattered."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup
from PIL import Image

from datagen.errors import InputError
from datagen.files.regular_files import read_whole
from trials.results.figures import data_uri, importance_svg
from trials.results.report.importance import FEWEST, chance, importances
from trials.results.report.report import TrialRow

WIDTH = 460  # [pixels] of an embedded picture
MOST_BYTES = 20_000_000  # of a picture's file
UNREADABLE = (InputError, OSError, ValueError, SyntaxError, Image.DecompressionBombError)  # Pillow's, of damaged files


@dataclass(frozen=True, kw_only=True)
class Row:
    trial: TrialRow
    values: list[str]  # of each setting of the stage
    picture: str | None  # data URI


@dataclass(frozen=True, kw_only=True)
class StageTable:
    """The trials of one stage, the best first."""

    name: str
    settings: dict[str, str]  # config path → in words
    rows: list[Row]
    plot: Markup | None  # importance of the settings
    plot_alt: str


def trial_tables(trials: Sequence[TrialRow]) -> list[StageTable]:
    """In the order in which the first trial of each stage ended."""
    names = dict.fromkeys(trial.stage for trial in trials)
    return [_stage(name, [trial for trial in trials if trial.stage == name]) for name in names]


def in_words(path: str, stage: str) -> str:
    """`tune.learning_rate` of stage tune: learning rate; `loss.ssim`: loss SSIM."""
    words = path.removeprefix(f"{stage}.").replace(".", " ").replace("_", " ").split()
    return " ".join("SSIM" if word == "ssim" else word for word in words)


def readable(value: Any) -> str:
    """A setting's value: four digits of a number, words for the rest."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "–"}[value]
    if isinstance(value, float):
        return f"{value:.4g}"
    return json.dumps(value) if isinstance(value, list | dict) else str(value)


def small_picture(file: Path | None) -> str | None:
    """A trial's picture as a data URI of some 40 kB; None if there is none, or none that can be read."""
    if file is None:
        return None
    try:
        picture = Image.open(io.BytesIO(read_whole(file, MOST_BYTES))).convert("RGBA")
    except UNREADABLE:
        return None
    if picture.width > WIDTH:
        picture = picture.resize((WIDTH, round(picture.height * WIDTH / picture.width)), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, format="webp", quality=70)
    return data_uri(buffer.getvalue(), "image/webp")


def _stage(name: str, trials: Sequence[TrialRow]) -> StageTable:
    paths = list(dict.fromkeys(path for trial in trials for path in trial.settings))
    best_first = sorted(trials, key=lambda trial: -trial.ssim)
    rows = [
        Row(
            trial=trial,
            values=[readable(trial.settings[path]) if path in trial.settings else "" for path in paths],
            picture=small_picture(trial.picture),
        )
        for trial in best_first
    ]
    found = importances([trial.settings for trial in trials], [trial.ssim for trial in trials])
    named = {in_words(path, name): value for path, value in found.items()}
    alt = "; ".join(f"{setting}: {share:.2f} ± {spread:.2f}" for setting, (share, spread) in named.items())
    return StageTable(
        name=name,
        settings={path: in_words(path, name) for path in paths},
        rows=rows,
        plot=Markup(importance_svg(named, chance(len(trials)), name)) if named else None,
        plot_alt=alt or f"too few trials to say what mattered: {len(trials)}, and {FEWEST} are needed",
    )
