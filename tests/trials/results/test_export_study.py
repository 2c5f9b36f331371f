"""`seisnas export-study`: an experiment as Optuna and its dashboard see it."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

import pytest
from matplotlib.figure import Figure
from typer.testing import CliRunner

from datagen.errors import InputError
from tests.ports import free_port
from tests.trials.experiment.recorded import handed, write_experiment
from trials.commands.app import app
from trials.experiment.record import ExperimentRecord, read_record
from trials.results.optuna_study.export_study import export_study, storage_file

SPACE = {
    "stage": {
        "_type": "choice",
        "_value": [
            {"_name": "search", "network.depth": {"_type": "choice", "_value": [3, 4]}},
            {
                "_name": "tune",
                "tune.learning_rate": {"_type": "loguniform", "_value": [0.001, 0.1]},
                "seed": {"_type": "randint", "_value": [1, 10]},
            },
            {"_name": "compress", "compress.sparsity": {"_type": "quniform", "_value": [0.3, 0.6, 0.1]}},
        ],
    }
}
CONFIG = {
    "experimentName": "tiny",
    "tuner": {"classArgs": {"budgets": {"search": 1, "tune": 5, "compress": 3}}},
    "searchSpace": SPACE,
}


def point(ssim: float, nonzero: int, latency_ms: float) -> dict[str, Any]:
    return {"default": ssim, "ssim": ssim, "nonzero": nonzero, "latency_ms": latency_ms}


TRIALS: list[tuple[str, str, dict[str, Any], str, list[float], dict[str, Any] | None]] = [
    ("aaaaa", "search", {"network.depth": 3}, "SUCCEEDED", [0.1, 0.3], {"default": 0.3, "mae": 0.2}),
    ("bbbbb", "tune", {"tune.learning_rate": 0.01, "seed": 9}, "SUCCEEDED", [0.2, 0.4], {"default": 0.4}),
    ("ccccc", "tune", {"tune.learning_rate": 0.02, "seed": 1}, "EARLY_STOPPED", [0.1], None),
    ("ddddd", "tune", {"tune.learning_rate": 0.03, "seed": 2}, "FAILED", [], None),
    ("eeeee", "tune", {"tune.learning_rate": 7.0, "seed": 2}, "SUCCEEDED", [], {"default": float("nan")}),
    ("fffff", "tune", {"tune.learning_rate": 0.04, "seed": 2}, "RUNNING", [0.05], None),
    ("ggggg", "compress", {"compress.sparsity": 0.3}, "SUCCEEDED", [0.3], point(0.5, 70, 9.0)),
    ("hhhhh", "compress", {"compress.sparsity": 0.6}, "SUCCEEDED", [0.2], point(0.4, 40, 8.0)),
    ("iiiii", "compress", {"compress.sparsity": 0.5}, "SUCCEEDED", [0.2], point(0.3, 80, 9.5)),
]  # fmt: skip


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> ExperimentRecord:
    """An experiment of nine trials, a minute each; the first has a picture.  Nobody may change its folder."""
    folder, events, metrics = tmp_path_factory.mktemp("project") / "nni-experiments" / "exp1", [], []
    for number, (job, stage, settings, end, reported, final) in enumerate(TRIALS):
        run, start = folder / "environments" / "local-env" / "trials" / job, 10_000 + 60_000 * number
        run.mkdir(parents=True)
        events.append((start, job, "RUNNING", handed(stage, **settings), str(run), number))
        events += [(start + 60_000, job, end, None, str(run), number)] if end != "RUNNING" else []
        metrics += [(start + 1, job, "PERIODICAL", step, {"default": value}) for step, value in enumerate(reported)]
        if final is not None:
            metrics.append((start + 2, job, "FINAL", 0, final))
    figure = Figure(figsize=(1, 1))
    figure.savefig(folder / "environments/local-env/trials/aaaaa/cells.png")
    return read_record(write_experiment(folder, CONFIG, events, metrics))


@pytest.fixture(scope="module")
def optuna() -> Any:
    return pytest.importorskip("optuna", reason="Optuna is not installed: pip install 'seisnas[study]'")


@pytest.fixture(scope="module")
def exported(optuna: Any, record: ExperimentRecord) -> tuple[Path, Path]:
    """What the command writes in the folder of the project, and where its pictures are."""
    folder = record.folder.parents[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        Path("nni_config.yml").write_text("experimentWorkingDirectory: ./nni-experiments")
        told = CliRunner().invoke(app, ["export-study", "sqlite:///study.db"])
    assert told.exit_code == 0, told.output
    names = ", ".join(f"tiny exp1/{stage}" for stage in ("search", "tune", "compress"))
    assert f"wrote study.db: {names}" in told.output
    assert "optuna-dashboard sqlite:///study.db --artifact-dir study_pictures" in told.output
    return folder / "study.db", folder / "study_pictures"


def studies(optuna: Any, file: Path) -> dict[str, Any]:
    url = f"sqlite:///{file}"
    names = optuna.get_all_study_names(url)
    return {name.partition("/")[2]: optuna.load_study(study_name=name, storage=url) for name in names}


def test_each_stage_is_a_study_with_trials_in_their_states(
    optuna: Any, record: ExperimentRecord, exported: tuple[Path, Path]
) -> None:
    tune = studies(optuna, exported[0])["tune"]
    assert [trial.state.name for trial in tune.trials] == ["COMPLETE", "PRUNED", "FAIL", "FAIL", "FAIL"]
    first, stopped, *_, odd, interrupted = tune.trials
    assert (first.values, first.intermediate_values, first.duration) == ([0.4], {0: 0.2, 1: 0.4}, timedelta(minutes=1))
    assert first.params == {"tune.learning_rate": 0.01, "seed": 9}
    assert first.distributions["tune.learning_rate"] == optuna.distributions.FloatDistribution(0.001, 0.1, log=True)
    assert first.distributions["seed"] == optuna.distributions.IntDistribution(1, 9)
    assert stopped.intermediate_values == {0: 0.1}
    assert (odd.params, odd.user_attrs["tune.learning_rate"]) == ({"seed": 2}, 7.0)  # not in the space: an attribute
    assert [trial.user_attrs["status"] for trial in (first, stopped, interrupted)] == [
        "succeeded", "early_stopped", "interrupted"
    ]  # fmt: skip
    assert first.user_attrs["folder"] == str(record.jobs[1].folder)


def test_what_runs_runs_there_too(optuna: Any, record: ExperimentRecord, tmp_path: Path) -> None:
    file, _, _ = export_study(record, str(tmp_path / "study.db"), interrupted=False)
    assert studies(optuna, file)["tune"].trials[-1].state.name == "RUNNING"


def test_compressed_networks_have_a_front(optuna: Any, exported: tuple[Path, Path]) -> None:
    compress = studies(optuna, exported[0])["compress"]
    assert compress.metric_names == ["ssim", "nonzero"]
    assert [direction.name for direction in compress.directions] == ["MAXIMIZE", "MINIMIZE"]
    assert [trial.user_attrs["trial"] for trial in compress.best_trials] == ["ggggg", "hhhhh"]


def test_a_trial_has_its_picture(optuna: Any, exported: tuple[Path, Path]) -> None:
    from optuna.artifacts import get_all_artifact_meta  # noqa: PLC0415  is not always there

    file, pictures = exported
    (trial,) = studies(optuna, file)["search"].trials
    drawn = Path(trial.user_attrs["picture"])
    (artifact,) = get_all_artifact_meta(trial, storage=optuna.storages.get_storage(f"sqlite:///{file}"))
    assert (drawn.name, artifact.filename, artifact.mimetype) == ("cells.png", "cells.png", "image/png")
    assert (pictures / artifact.artifact_id).read_bytes() == drawn.read_bytes()


def test_a_second_export_replaces_the_first_and_leaves_what_else_is_there(
    optuna: Any, record: ExperimentRecord, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'study.db'}"
    optuna.create_study(study_name="mine", storage=url)
    for _ in range(2):
        file, pictures, _ = export_study(record, url, interrupted=True)
    assert sorted(optuna.get_all_study_names(url)) == [
        "mine",
        "tiny exp1/compress",
        "tiny exp1/search",
        "tiny exp1/tune",
    ]
    assert len(studies(optuna, file)["tune"].trials) == 5
    assert len(list(pictures.iterdir())) == 1
    assert not list(tmp_path.glob("*.tmp*"))


def test_a_study_of_the_same_name_that_is_not_of_the_experiment_stays(
    optuna: Any, record: ExperimentRecord, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'study.db'}"
    optuna.create_study(study_name="tiny exp1/tune", storage=url)
    before = (tmp_path / "study.db").read_bytes()
    with pytest.raises(InputError, match="is there already, and not of this experiment"):
        export_study(record, url, interrupted=True)
    assert (tmp_path / "study.db").read_bytes() == before
    assert not list(tmp_path.glob("*.tmp*"))


def test_a_file_that_is_not_optunas_is_left_alone(optuna: Any, record: ExperimentRecord, tmp_path: Path) -> None:
    for file, content in ((tmp_path / "a.db", b"my notes"), (tmp_path / "b.db", None)):
        if content is None:
            shutil.copyfile(record.folder / "db" / "nni.sqlite", file)
        else:
            file.write_bytes(content)
        before = file.read_bytes()
        with pytest.raises(InputError, match="is no file of Optuna's"):
            export_study(record, str(file), interrupted=True)
        assert file.read_bytes() == before


def test_other_storages_and_the_experiments_own_data_base_are_refused(record: ExperimentRecord) -> None:
    with pytest.raises(InputError, match=r"allowed is sqlite:///FILE"):
        storage_file("mysql://me@host/db")
    with pytest.raises(InputError, match=r"allowed: \.db, \.sqlite"):
        export_study(record, "study.txt", interrupted=True)
    with pytest.raises(InputError, match="is the input file"):
        export_study(record, f"sqlite:///{record.folder / 'db' / 'nni.sqlite'}", interrupted=True)


def test_without_optuna_the_command_says_how_to_get_it(
    record: ExperimentRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trials.results.optuna_study.export_study.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'seisnas\[study\]'"):
        export_study(record, str(tmp_path / "study.db"), interrupted=True)


@pytest.fixture
def dashboard(exported: tuple[Path, Path]) -> Iterator[str]:
    """The address of optuna-dashboard, on what the command wrote."""
    pytest.importorskip("optuna_dashboard", reason="optuna-dashboard is not installed: pip install 'seisnas[study]'")
    words = [f"sqlite:///{exported[0]}", "--artifact-dir", str(exported[1])]
    port = free_port()
    started = "import sys; from optuna_dashboard._cli import main; sys.exit(main())"
    server = subprocess.Popen([sys.executable, "-c", started, *words, "--port", str(port)])
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            time.sleep(0.1)
            try:
                build_opener(ProxyHandler({})).open(f"{address}/dashboard/", timeout=60).close()
                break
            except OSError:
                assert server.poll() is None
        yield address
    finally:
        server.terminate()
        server.wait()


def test_the_dashboard_shows_studies_trials_front_and_pictures_in_a_browser(dashboard: str, tmp_path: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    browser_file = shutil.which("chromium")
    if browser_file is None:
        pytest.skip("chromium is not installed (apt install chromium)")
    with playwright.sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=browser_file, args=["--no-sandbox"], timeout=300_000)
        page = browser.new_page()
        page.set_default_timeout(300_000)  # [ms]; on busy machines
        broken: list[str] = []
        page.on("pageerror", lambda error: broken.append(str(error)))
        page.goto(f"{dashboard}/dashboard/", wait_until="commit")
        for stage in ("search", "tune", "compress"):
            page.get_by_text(f"tiny exp1/{stage}").first.wait_for()
        page.get_by_text("tiny exp1/compress").first.click()
        page.get_by_text("Pareto").first.wait_for()
        page.goto(f"{dashboard}/dashboard/studies/1/trials", wait_until="commit")
        page.get_by_text("network.depth").first.wait_for()
        page.locator("img[src*=artifacts]").first.wait_for()
        if folder := os.environ.get("SEISNAS_SCREENSHOTS"):
            page.screenshot(path=Path(folder) / "optuna_trials.png")
        browser.close()
    assert broken == []
