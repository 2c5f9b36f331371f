import json
from pathlib import Path

import pytest

from trials.experiment.tuner.schedule import Schedule, Trial, final_score


def folder(path: Path, **result: object) -> Path:
    """A run folder with a result."""
    path.mkdir()
    (path / "result.json").write_text(json.dumps(result))
    return path


@pytest.mark.parametrize(
    ("metric", "score"),
    [
        ({"default": 0.5, "mae": 1}, 0.5),
        ({"default": 1}, 1.0),
        ({"default": float("nan")}, None),
        ({"default": "0.5"}, None),
        ({"mae": 1}, None),
        (0.5, None),
        (None, None),
    ],
)
def test_only_a_finite_default_is_a_score(metric: object, score: float | None) -> None:
    assert final_score(metric) == score


def test_a_stage_opens_when_the_one_before_has_ended_with_a_winner(tmp_path: Path) -> None:
    schedule = Schedule({"search": 2, "tune": 1})
    first, second = schedule.add("search", {}), schedule.add("search", {})
    assert schedule.open_stage() is None
    first.end()
    assert schedule.open_stage() is None
    second.end({"default": 0.1}, folder(tmp_path / "b", run="b"))
    assert schedule.open_stage() == "tune"
    assert not schedule.over
    assert schedule.missing == 1


def test_a_stage_without_a_winner_ends_the_experiment() -> None:
    schedule = Schedule({"search": 1, "tune": 1})
    schedule.add("search", {}).end()
    assert schedule.open_stage() is None
    assert schedule.over
    assert str(schedule.lost).startswith("search: no trial has won")


@pytest.mark.parametrize("text", [None, "", "{"])
def test_a_trial_without_a_readable_result_has_failed(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "result.json").write_text(text)
    trial = Trial(stage="search", settings={})
    trial.end({"default": 0.9}, tmp_path)
    assert trial.ended
    assert trial.score is None


def test_a_trial_is_told_what_all_stages_before_have_won(tmp_path: Path) -> None:
    schedule = Schedule({"search": 2, "tune": 1, "compress": 1})
    for name, score in (("good", 0.9), ("bad", -0.2)):
        trial = schedule.add("search", {"network.depth": name})
        trial.end({"default": score}, folder(tmp_path / name, genotype=f"cells of {name}"))
    tuned = schedule.add("tune", {"loss.ssim": 0.3})
    tuned.end({"default": 0.8}, folder(tmp_path / "tuned", genotype="cells of good"))

    assert schedule.parameters(tuned) == {
        "stage": {"_name": "tune", "loss.ssim": 0.3},
        "winner": {
            "parameters": {"network.depth": "good"},
            "genotype": "cells of good",
            "run": str(tmp_path / "good"),
        },
        "mutation_summary": {"stage": "tune", "loss.ssim": 0.3},
    }
    assert schedule.parameters(schedule.add("compress", {}))["winner"] == {
        "parameters": {"network.depth": "good", "loss.ssim": 0.3},
        "genotype": "cells of good",
        "run": str(tmp_path / "tuned"),
    }
    assert "winner" not in schedule.parameters(schedule.trials[0])
