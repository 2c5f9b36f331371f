"""The holes of NNI's portal, tried on a real experiment that plain nnictl has started."""

import base64
import json
import os
import pickle
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from trials.experiment.launch import stop
from trials.experiment.nni import processes
from trials.experiment.nni.nnictl import NNICTL, environment

TRIAL = """
import time, nni
nni.get_next_parameter()
for step in range(600):
    nni.report_intermediate_result(0.1)
    time.sleep(1)
"""


@dataclass
class Portal:
    folder: Path
    port: int
    trial: str = ""

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            url = requests.Request(method, f"http://127.0.0.1:{self.port}{path}", headers, json=body)
            return session.send(session.prepare_request(url), timeout=60)

    def api(self, path: str) -> Any:
        return self.ask("GET", f"/api/v1/nni/{path}").json()

    @property
    def smuggled(self) -> dict[str, str]:
        """What NNI would unpickle, and so run."""
        return {"__nni_type__": "bytes:" + base64.b64encode(pickle.dumps(Touch(self.folder / "marker"))).decode()}


class Touch:
    """Unpickled, it makes a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (f"touch {self.file}",)


def free_port() -> int:
    for port in range(19100, 19600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    raise AssertionError("no free port")


def running(portal: Portal) -> str:
    for _ in range(600):
        if found := [job["trialJobId"] for job in portal.api("trial-jobs") if job["status"] == "RUNNING"]:
            return str(found[0])
        time.sleep(0.2)
    raise AssertionError("no trial has started")


@pytest.fixture(scope="module")
def alive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    folder = tmp_path_factory.mktemp("alive")
    (folder / "trial.py").write_text(TRIAL)
    config = {
        "searchSpace": {"x": {"_type": "uniform", "_value": [0, 1]}},
        "trialCommand": "python trial.py",
        "trialCodeDirectory": ".",
        "trialConcurrency": 1,
        "tuner": {"name": "Random"},
        "trainingService": {"platform": "local"},
        "experimentWorkingDirectory": str(folder / "nni-experiments"),
    }
    (folder / "nni.json").write_text(json.dumps(config))
    portal = Portal(folder, free_port())
    words = ["create", "--config", str(folder / "nni.json"), "--port", str(portal.port)]
    words = [sys.executable, "-c", NNICTL, *words]
    subprocess.run(words, env=environment({**os.environ, "HOME": str(folder)}), check=True, capture_output=True)
    manager = processes.manager_on(portal.port)
    assert manager is not None
    try:
        portal.trial = running(portal)
        yield portal
    finally:
        stop(processes.experiment_id(manager))


def test_no_smuggled_code_runs(alive: Portal) -> None:
    data = [{"parameter": alive.smuggled, "value": 1}]
    space = {"params": {"searchSpace": {"x": {"_type": "choice", "_value": [alive.smuggled]}}}}
    metric = {"parameter_id": 0, "trial_job_id": alive.trial, "type": "FINAL", "sequence": 0}
    metric["value"] = json.dumps(alive.smuggled)
    api = "/api/v1/nni"
    assert alive.ask("POST", f"{api}/trial-jobs", alive.smuggled).status_code == 500
    assert alive.ask("POST", f"{api}/experiment/import-data", data).status_code == 500
    assert alive.ask("PUT", f"{api}/experiment?update_type=SEARCH_SPACE", space).status_code == 500
    command = {"type": "metric", "metric": json.dumps(metric)}
    assert alive.ask("PUT", f"/env/local-env/{alive.trial}", command).status_code == 200  # dropped later
    time.sleep(2)
    assert not (alive.folder / "marker").exists()
    assert alive.api("check-status") == {"status": "RUNNING", "errors": []}


def test_no_stranger_takes_the_dispatchers_place(alive: Portal) -> None:
    websocket = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    websocket["Sec-WebSocket-Key"] = base64.b64encode(b"0" * 16).decode()
    assert alive.ask("GET", "/tuner", **websocket).status_code == 403


def test_the_experiment_is_not_started_again_nor_the_manager_ended(alive: Portal) -> None:
    again = alive.ask("POST", "/api/v1/nni/experiment", {"experimentName": "taken over"})
    assert "has been started" in again.text
    assert alive.ask("PUT", "/api/v1/nni/experiment/cluster-metadata", {"x": 1}).status_code == 403
    assert "experimentName" not in alive.api("experiment")["params"]


def test_only_a_trials_own_logs_are_read(alive: Portal) -> None:
    up = "..%2f" * 12
    assert "root:" not in alive.ask("GET", f"/api/v1/nni/trial-file/{alive.trial}/{up}etc%2fpasswd").text
    assert alive.ask("GET", f"/api/v1/nni/trial-file/{alive.trial}/stderr").status_code == 200


def test_its_files_are_private(alive: Portal) -> None:
    experiment = alive.folder / "nni-experiments" / alive.api("experiment")["id"]
    assert experiment.stat().st_mode & 0o777 == 0o700
    files = ["log/nnimanager.log", "log/dispatcher.log", "db/nni.sqlite"]
    assert [(experiment / file).stat().st_mode & 0o077 for file in files] == [0, 0, 0]
