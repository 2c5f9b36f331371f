"""What the page gets to show, from the files of an experiment."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.trials.results.page.stored import FAILURE, Kind, store
from trials.experiment.record import read_record
from trials.experiment.state import ExperimentState, query_state
from trials.results.page.content import before_experiment, page_content


def tree(folder: Path, kind: Kind) -> Any:
    record = read_record(folder)
    return page_content(record, ExperimentState("running", "http://x") if kind == "running" else query_state(record))


def by_id(found: Any, trial: str) -> Any:
    return next(each for each in found["trials"] if each["id"] == trial)


def test_a_running_experiment_tells_how_far_it_is(tmp_path: Path) -> None:
    found = tree(store(tmp_path / "e", "running"), "running")
    assert found["experiment"]["status"] == "running"
    assert found["experiment"]["nni_page"] == "http://x"
    counts = [(stage["name"], stage["done"], stage["budget"], stage["running"]) for stage in found["stages"]]
    assert counts == [("search", 2, 2, 0), ("tune", 2, 2, 0), ("compress", 1, 3, 1)]
    assert [stage["best"] for stage in found["stages"]] == ["t0000", "t0002", "t0004"]
    assert found["stages"][2]["seconds_left"] == pytest.approx(90 / 2)  # one to come, two at a time; the other is late
    last = by_id(found, "t0005")
    assert (last["status"], last["quality"], len(last["epochs"]), last["epochs_planned"]) == ("running", 0.44, 2, 3)
    assert last["export"] is None
    assert last["seconds"] > 90


def test_a_score_is_the_ssim_also_where_nni_counts_the_size(tmp_path: Path) -> None:
    found = tree(store(tmp_path / "e", "finished"), "finished")
    compressed = by_id(found, "t0004")
    assert compressed["quality"] == 0.495
    assert compressed["score"] == pytest.approx(0.465)
    assert found["quality"] == {"key": "ssim", "name": "SSIM"}


def test_a_finished_experiment_has_a_front_with_commands(tmp_path: Path) -> None:
    folder = store(tmp_path / "with space", "finished")
    found = tree(folder, "finished")
    assert found["experiment"]["status"] == "finished"
    assert [stage["seconds_left"] for stage in found["stages"]] == [None] * 3
    assert found["front"] == ["t0005", "t0004", "t0002"]
    words = shlex.split(by_id(found, "t0004")["export"])
    run = folder / "environments" / "local-env" / "trials" / "t0004"
    assert words == ["seisnas", "export", str(run), "--output", "exports/<b>salt & $HOME</b>-t0004"]
    assert by_id(found, "t0000")["export"] is None  # a search: not exported
    assert by_id(found, "t0002")["pictures"] == [f"tune-00{epoch}.png" for epoch in range(1, 7)]


def test_a_search_with_several_objectives_has_a_front_with_commands(tmp_path: Path) -> None:
    folder = store(tmp_path / "with space", "finished")
    found = tree(folder, "finished")
    best, small = by_id(found, "t0000")["searched"]
    run = folder / "environments" / "local-env" / "trials" / "t0000"
    assert (small["quality"], small["parameters"], small["latency_ms"]) == (0.281, 90_112, 3.0)
    assert shlex.split(best["tune"]) == [
        *["seisnas", "tune", "--from", str(run), "--max-params", "280320", "--max-latency", "6.13"],
        *["--run", "runs/<b>salt & $HOME</b>/point-1"],
    ]
    assert by_id(found, "t0002")["searched"] == []
    (run / "pareto.json").write_text('[{"quality": 1}]')
    assert by_id(tree(folder, "finished"), "t0000")["searched"] == []


def test_a_failed_experiment_says_why_and_a_stopped_one_does_not_fail(tmp_path: Path) -> None:
    failed = tree(store(tmp_path / "failed", "failed"), "failed")
    assert failed["experiment"]["status"] == "failed"
    assert failed["experiment"]["reason"].splitlines() == [f"tune trial {number}: {FAILURE}" for number in (2, 3)]
    stopped = tree(store(tmp_path / "stopped", "stopped"), "stopped")
    assert (stopped["experiment"]["status"], stopped["experiment"]["reason"]) == ("stopped", "")
    assert by_id(stopped, "t0005")["status"] == "interrupted"
    assert by_id(stopped, "t0005")["seconds"] is None


def test_the_page_is_json_whatever_the_trials_left(tmp_path: Path) -> None:
    folder = store(tmp_path / "e", "finished")
    runs = folder / "environments" / "local-env" / "trials"
    (runs / "t0000" / "metrics.jsonl").write_text('{"phase": "x", "epoch": 0, "val_ssim": NaN}\n{"phase": "x", "epo')
    (runs / "t0001" / "config.yml").write_text("a: [")
    (runs / "t0002" / "result.json").write_text("[1, 2]")
    (runs / "t0005" / "result.json").write_text('{"ssim": "<b>", "nonzero": Infinity}')
    (runs / "t0003" / "predictions" / "tune-007.png").symlink_to("/etc/passwd")
    (runs / "t0004" / "predictions" / "tune-007.png").mkdir()
    found = json.loads(json.dumps(tree(folder, "finished"), allow_nan=False))
    assert by_id(found, "t0000")["epochs"] == []
    assert by_id(found, "t0002")["quality"] == 0.496  # of its last epoch; result.json is no table
    assert (by_id(found, "t0005")["quality"], by_id(found, "t0005")["nonzero"]) == (None, None)
    assert by_id(found, "t0003")["pictures"][-1] == "tune-006.png"
    assert len(by_id(found, "t0004")["pictures"]) == 3


def test_a_trial_on_another_machine_has_no_folder(tmp_path: Path) -> None:
    folder = store(tmp_path / "e", "finished")
    (folder / "environments").rename(tmp_path / "elsewhere")
    found = tree(folder, "finished")
    assert {trial["folder"] for trial in found["trials"]} == {None}
    assert found["front"] == []


def test_before_its_start_an_experiment_has_the_same_tree(tmp_path: Path) -> None:
    empty, full = before_experiment("salt", "Later"), tree(store(tmp_path / "e", "finished"), "finished")
    assert empty.keys() == full.keys()
    assert empty["experiment"].keys() == full["experiment"].keys()
