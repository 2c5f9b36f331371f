import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from trials.experiment.nni.manager import Manager

STAGE = {"_name": "tune", "loss.ssim": 0.3}
TUNE = {"parameter_id": 3, "parameter_source": "algorithm", "parameters": {"stage": STAGE}}
BY_HAND = {"parameter_id": None, "parameter_source": "customized", "parameters": {"stage": STAGE}}


def metric(value: Any, timestamp: int = 0) -> dict[str, Any]:
    """As NNI stores it: JSON text within JSON text."""
    return {"data": json.dumps(json.dumps(value)), "timestamp": timestamp}


ANSWERS: dict[str, Any] = {
    "/api/v1/nni/check-status": {"status": "RUNNING", "errors": []},
    "/api/v1/nni/experiment": {"id": "abc", "params": {"maxTrialNumber": 40}},
    "/api/v1/nni/metric-data-latest": [metric({"default": 0.1}, 5), metric({"default": 0.2}, 9), metric(0.3, 7)],
    "/api/v1/nni/metric-data/a?type=PERIODICAL": [metric({"default": 0.2}, 9), metric({"default": 0.1}, 5)],
    "/api/v1/nni/trial-jobs": [
        {
            "trialJobId": "a",
            "status": "SUCCEEDED",
            "hyperParameters": [json.dumps(TUNE)],
            "finalMetricData": [metric({"default": 0.8})],
            "logPath": "/runs/a",
        },
        {"trialJobId": "b", "status": "ADD_RESUMED", "hyperParameters": [json.dumps(TUNE)]},
        {"trialJobId": "c", "status": "FAILED", "hyperParameters": [json.dumps(BY_HAND)]},
    ],
}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        known = self.path in ANSWERS
        self.send_response(200 if known else 500)
        self.end_headers()
        if known:
            self.wfile.write(json.dumps(ANSWERS[self.path]).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def manager() -> Iterator[Manager]:
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Manager.on_port(server.server_port)
        server.shutdown()
        thread.join()


def test_jobs_carry_what_the_tuner_handed_out_and_what_came_back(manager: Manager) -> None:
    finished, resumed, by_hand = manager.jobs()
    assert (finished.stage, finished.settings) == ("tune", {"loss.ssim": 0.3})
    assert (finished.ended, finished.metric, finished.folder) == (True, {"default": 0.8}, Path("/runs/a"))
    assert (resumed.stage, resumed.ended, resumed.metric, resumed.folder) == ("tune", False, None, None)
    assert (by_hand.stage, by_hand.ended) == (None, True)


def test_the_latest_metric_is_the_last_in_time(manager: Manager) -> None:
    assert manager.latest_metric() == {"default": 0.2}


def test_intermediate_results_come_in_the_order_of_time(manager: Manager) -> None:
    assert manager.intermediates("a") == [{"default": 0.1}, {"default": 0.2}]


def test_status_and_limit(manager: Manager) -> None:
    assert manager.status() == ("RUNNING", [])
    assert manager.experiment_id() == "abc"
    assert manager.max_trials() == 40


def test_a_proxy_of_the_environment_is_not_asked(manager: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert manager.experiment_id() == "abc"


def test_an_error_of_the_manager_is_raised(manager: Manager) -> None:
    with pytest.raises(requests.HTTPError):
        manager.job("unknown")


@pytest.mark.parametrize(
    ("channel", "url"),
    [
        ("ws://localhost:8080/tuner", "http://127.0.0.1:8080/api/v1/nni"),
        ("ws://localhost:9/prefix/tuner", "http://127.0.0.1:9/prefix/api/v1/nni"),
    ],
)
def test_the_tuner_finds_its_manager(monkeypatch: pytest.MonkeyPatch, channel: str, url: str) -> None:
    monkeypatch.setenv("NNI_TUNER_COMMAND_CHANNEL", channel)
    assert Manager.of_dispatcher()._url == url
