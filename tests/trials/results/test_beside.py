"""Two experiments on one page: whose numbers, which settings differ, and when scores cannot be compared."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from datagen.errors import InputError
from trials.experiment.record import ExperimentRecord
from trials.results.report.beside import write_beside
from trials.settings.config import load, to_tree

ROOT = Path(__file__).parents[3]
STAGES = {"stage": {"_value": [{"_name": "tune"}, {"_name": "compress"}]}}


def add_trial(folder: Path, stage: str, name: str, ssim: float, winner: Path | None = None, **more: Any) -> Path:
    """A finished trial's run folder with 2 epochs; `more`: `data`, its data set's digest, and settings."""
    run = folder / "environments" / "local-env" / "trials" / name
    run.mkdir(parents=True)
    data, settings = more.pop("data", "same"), more
    parameters = {"stage": {"_name": stage}, "winner": {"run": str(winner)} if winner else None}
    (run / "provenance.json").write_text(json.dumps({"parameters": parameters}))
    result = {"default": ssim, "ssim": ssim, "blank_ssim": 0.17, "nonzero": 5000, "parameters": 10_000, "data": data}
    (run / "result.json").write_text(json.dumps(result))
    rows = [{"phase": stage, "epoch": epoch, "train_loss": 0.5, "val_ssim": ssim} for epoch in (0, 1)]
    (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = load(ROOT / "presets" / "quickstart.yml", {name.replace("__", "."): v for name, v in settings.items()})
    (run / "config.yml").write_text(yaml.safe_dump(to_tree(config)))
    return run


def experiment(folder: Path, ssim: float, **more: Any) -> ExperimentRecord:
    config = {
        "experimentName": "<b>mine</b>",
        "tuner": {"classArgs": {"budgets": {"tune": 2, "compress": 1}}},
        "searchSpace": STAGES,
    }
    add_trial(folder, "tune", "worse", ssim - 0.2)
    tuned = add_trial(folder, "tune", "better", ssim)
    add_trial(folder, "compress", "small", ssim - 0.1, tuned, **more)
    return ExperimentRecord(folder.name, folder, config, 1e9, [])


def test_both_are_on_the_page_with_what_differs_and_what_it_cost(tmp_path: Path) -> None:
    one = experiment(tmp_path / "aaa", 0.6, training__batch_size=16)
    other = experiment(tmp_path / "bbb", 0.7, training__batch_size=64)
    page = write_beside(one, other, tmp_path / "beside.html").read_text()
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))
    for fact in (
        "last network, of the highest score compress, trial small",
        "SSIM 0.5000 0.6000",
        "0.6000 (0.5000 ± 0.1000 of 2) 0.7000 (0.6000 ± 0.1000 of 2)",
        "SSIM of a blank image 0.1700 0.1700",
        "epochs 2 + 2 2 + 2",
        "samples seen 4,800 4,800",
        "training.batch_size 16 64",
        "same validation split",
    ):
        assert fact in text
    assert "<b>mine" not in page
    assert "tune.epochs" not in text


def test_scores_of_different_data_are_not_to_be_compared(tmp_path: Path) -> None:
    one, other = experiment(tmp_path / "aaa", 0.6), experiment(tmp_path / "bbb", 0.7, data="another")
    assert "different data" in write_beside(one, other, tmp_path / "beside.html").read_text()


def test_an_experiment_without_results_is_refused(tmp_path: Path) -> None:
    one = experiment(tmp_path / "aaa", 0.6)
    empty = dataclasses.replace(one, id="ccc", folder=tmp_path / "ccc")
    with pytest.raises(InputError, match="ccc: no trial"):
        write_beside(one, empty, tmp_path / "beside.html")
    assert not (tmp_path / "beside.html").exists()
