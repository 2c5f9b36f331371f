"""A real experiment with trials that do nothing: NNI's manager, our tuner, guard, launcher and watcher together."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from filelock import FileLock

from datagen.errors import InputError
from tests.ports import free_port
from trials.experiment.launch import Outcome, resume, run_experiment, view
from trials.experiment.machines import doctor
from trials.experiment.nni import nnictl, processes
from trials.experiment.nni.manager import Manager
from trials.experiment.nni.nnictl import environment
from trials.experiment.plan import load_plan, write_state
from trials.experiment.record import read_record
from trials.experiment.state import query_state
from trials.experiment.watch import Snapshot

SPACE = {
    "stage": {
        "_type": "choice",
        "_value": [
            {"_name": "search", "network.depth": {"_type": "choice", "_value": [3, 4]}},
            {"_name": "tune", "loss.ssim": {"_type": "uniform", "_value": [0.0, 1.0]}},
            {"_name": "compress", "compress.sparsity": {"_type": "uniform", "_value": [0.3, 0.9]}},
        ],
    }
}
TRIAL = """
import json, os, pathlib, time, nni
parameters = nni.get_next_parameter()
run = pathlib.Path(os.environ["NNI_OUTPUT_DIR"])
nni.report_intermediate_result({"default": 0.1})
time.sleep(0.5)
(run / "provenance.json").write_text(json.dumps({"parameters": parameters}))
(run / "result.json").write_text(json.dumps({"default": 0.5, "genotype": "cells", "run": str(run)}))
nni.report_final_result({"default": 0.5})
"""
BROKEN_TUNER = """
from trials.experiment.tuner.suite_tuner import SuiteTuner
class Broken(SuiteTuner):
    def generate_multiple_parameters(self, *_, **__):
        raise RuntimeError("no idea what to try")
"""


def experiment(folder: Path, **tuner: Any) -> Path:
    """An experiment of one trial a stage."""
    (folder / "trial.py").write_text(TRIAL)
    (folder / "broken.py").write_text(BROKEN_TUNER)
    config = {
        "experimentName": "tiny",
        "searchSpace": SPACE,
        "trialCommand": "python trial.py",
        "trialCodeDirectory": ".",
        "trialConcurrency": 1,
        "maxTrialNumber": 100,
        "tuner": {
            "className": "trials.experiment.tuner.suite_tuner.SuiteTuner",
            "codeDirectory": ".",
            "classArgs": {"budgets": {"search": 1, "tune": 1, "compress": 1}, "seed": 1},
            **tuner,
        },
        "trainingService": {"platform": "local"},
        "experimentWorkingDirectory": "./nni-experiments",
    }
    (folder / "nni.yml").write_text(yaml.safe_dump(config))
    return folder / "nni.yml"


@dataclass
class Life:
    """What was seen of an experiment that was interrupted, continued and asked for once more."""

    left_after_interrupt: list[psutil.Process]
    addresses: set[str]
    snapshots: list[Snapshot]
    outcome: Outcome
    left: list[psutil.Process]
    again: Outcome


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """NNI keeps its list of experiments below HOME."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        yield Path(os.environ["HOME"])


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory, home: Path) -> Life:
    config, port = experiment(tmp_path_factory.mktemp("experiment")), free_port()
    snapshots: list[Snapshot] = []
    addresses: set[str] = set()

    def interrupt(snapshot: Snapshot) -> None:
        if snapshot.stages[0].running:
            snapshots.append(snapshot)
            raise KeyboardInterrupt

    def look(snapshot: Snapshot) -> None:
        snapshots.append(snapshot)
        for process in processes.of_experiment(snapshot.experiment):
            try:
                connections = process.net_connections("inet")
            except psutil.Error:  # it has just ended
                continue
            addresses.update(one.laddr.ip for one in connections if one.status == psutil.CONN_LISTEN)

    with pytest.raises(KeyboardInterrupt):
        run_experiment(config, port, interrupt)
    left_after_interrupt = processes.of_experiment(snapshots[0].experiment)
    outcome = run_experiment(config, port, look)
    left = processes.of_experiment(outcome.experiment)
    again = run_experiment(config, port, lambda _: pytest.fail("a finished experiment ran again"))
    return Life(left_after_interrupt, addresses, snapshots, outcome, left, again)


def test_an_interrupted_experiment_leaves_no_process(life: Life) -> None:
    assert life.left_after_interrupt == []


def test_an_interrupted_experiment_goes_on_and_ends_with_its_full_budget(life: Life) -> None:
    assert (life.outcome.success, life.outcome.reason) == (True, "")
    assert {snapshot.experiment for snapshot in life.snapshots} == {life.outcome.experiment}
    assert [trial.stage for trial in life.outcome.trials] == ["search", "tune", "compress"]


def test_trials_get_the_winner_of_the_stages_before(life: Life) -> None:
    search, tune, compress = life.outcome.trials
    assert "winner" not in search.parameters
    assert tune.parameters["winner"]["run"] == str(search.run)
    assert compress.parameters["winner"]["genotype"] == "cells"
    assert set(compress.parameters["winner"]["parameters"]) == {"network.depth", "loss.ssim"}


def test_nothing_listens_outside_this_machine(life: Life) -> None:
    assert life.addresses == {"127.0.0.1"}


def test_the_end_leaves_no_process(life: Life) -> None:
    assert life.left == []


def test_progress_is_told_stage_by_stage(life: Life) -> None:
    stages = list(dict.fromkeys(snapshot.stage for snapshot in life.snapshots))
    assert stages == ["search", "tune", "compress"]
    assert life.snapshots[-1].latest == {"default": 0.5}
    assert all(stage.succeeded == stage.budget == 1 for stage in life.snapshots[-1].stages)


def test_a_finished_experiment_is_reported_instead_of_run_again(life: Life) -> None:
    assert life.again.experiment == life.outcome.experiment
    assert life.again.trials == life.outcome.trials


def test_a_finished_experiment_is_known_by_its_files(life: Life) -> None:
    record = read_record(life.outcome.folder)
    assert query_state(record).status == "finished"
    assert [(job.stage, job.status, job.metric) for job in record.jobs] == [
        (stage, "SUCCEEDED", {"default": 0.5}) for stage in ("search", "tune", "compress")
    ]
    assert [job.parameters for job in record.jobs] == [trial.parameters for trial in life.outcome.trials]


def test_the_page_of_a_finished_experiment_is_shown_and_leaves_no_process(life: Life) -> None:
    record = read_record(life.outcome.folder)
    with view(record, free_port()) as url:
        assert len(Manager(f"{url}/api/v1/nni").jobs()) == 3
        assert query_state(record).status == "shown"
    assert processes.of_experiment(record.id) == []


def test_a_killed_experiment_goes_on_without_its_configuration(tmp_path: Path, home: Path) -> None:
    config, killed = experiment(tmp_path), list[str]()

    def kill(snapshot: Snapshot) -> None:
        if snapshot.stages[1].running and not killed:
            killed.append(snapshot.experiment)
            for process in processes.of_experiment(snapshot.experiment):
                process.kill()

    outcome = run_experiment(config, free_port(), kill)
    assert "NNI's manager has ended" in outcome.reason
    config.unlink()
    record = read_record(outcome.folder)
    assert query_state(record).status == "stopped"
    outcome = resume(record, free_port(), lambda _: None)
    assert (outcome.success, outcome.reason) == (True, "")
    assert [trial.stage for trial in outcome.trials] == ["search", "tune", "compress"]
    assert processes.of_experiment(outcome.experiment) == []


def test_the_files_of_an_experiment_are_for_their_owner_only(life: Life) -> None:
    assert life.outcome.folder.stat().st_mode & 0o077 == 0


def test_a_tuner_that_fails_ends_the_experiment_with_its_traceback(tmp_path: Path, home: Path) -> None:
    outcome = run_experiment(experiment(tmp_path, className="broken.Broken"), free_port())
    assert not outcome.success
    assert "the tuner has failed" in outcome.reason
    assert "RuntimeError: no idea what to try" in outcome.reason
    assert processes.of_experiment(outcome.experiment) == []


# What is refused before NNI starts


def test_a_server_that_takes_the_port_meanwhile_is_not_sent_the_experiment(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    class Stranger(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'"INITIALIZING"')

        do_POST = do_GET

    late = "import nni.experiment.launcher as nni\nnni._ensure_port_idle = lambda *_: None\n"
    monkeypatch.setattr(nnictl, "NNICTL", late + nnictl.NNICTL)  # NNI has looked before
    before, free_port = iter([doctor.Check("port", True, "free")]), doctor.free_port
    monkeypatch.setattr(doctor, "free_port", lambda port: next(before, None) or free_port(port))  # and so have we
    server = HTTPServer(("127.0.0.1", 0), Stranger)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with pytest.raises(InputError, match="in use; choose another one with --port"):
            run_experiment(experiment(tmp_path), server.server_port)
    finally:
        server.shutdown()
        server.server_close()
    assert asked == []


def test_a_busy_port_is_refused(tmp_path: Path) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        with pytest.raises(InputError, match="in use; choose another one with --port"):
            run_experiment(experiment(tmp_path), server.getsockname()[1])


def test_a_missing_compiler_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(InputError, match="no-such-compiler"):
        run_experiment(experiment(tmp_path), free_port())


def test_a_second_run_of_the_same_experiment_is_refused(tmp_path: Path) -> None:
    config = experiment(tmp_path)
    plan = load_plan(config)
    plan.folder.mkdir()
    with FileLock(plan.folder / "tiny.lock"), pytest.raises(InputError, match="by another process"):
        run_experiment(config, free_port())


def test_changed_settings_of_an_interrupted_experiment_are_refused(tmp_path: Path) -> None:
    config = experiment(tmp_path)
    plan = load_plan(config)
    (plan.folder / "abc" / "db").mkdir(parents=True)
    write_state(plan, "abc", finished=False)
    text = config.read_text()
    config.write_text(text.replace("seed: 1", "seed: 2"))
    with pytest.raises(InputError, match="abc is not finished and the settings have changed"):
        run_experiment(config, free_port())


def test_a_new_experiment_is_refused_while_the_old_one_runs(tmp_path: Path) -> None:
    config = experiment(tmp_path)
    plan = load_plan(config)
    (plan.folder / "abc" / "db").mkdir(parents=True)
    write_state(plan, "abc", finished=False)
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    with subprocess.Popen([*sleep, "/x/nni_node/main.js", "--experiment-id", "abc"]) as manager:
        try:
            with pytest.raises(InputError, match="still runs; end it: seisnas stop abc"):
                run_experiment(config, free_port(), new=True)
        finally:
            manager.kill()


def test_our_python_comes_first_and_no_proxy_sees_this_machine() -> None:
    found = environment({"PATH": "/bin", "no_proxy": "example.org"})
    assert found["PATH"] == f"{Path(sys.executable).parent}:/bin"
    assert found["no_proxy"] == found["NO_PROXY"] == "example.org,localhost,127.0.0.1"
    assert "guard/index.js" in found["NODE_OPTIONS"]
    assert json.dumps(found)
