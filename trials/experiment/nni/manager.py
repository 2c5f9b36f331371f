"""NNI's manager of one experiment, over its REST interface.

    launcher ── status, results? ──► manager ◄── earlier trials? ── SuiteTuner

The address is http://127.0.0.1:PORT/api/v1/nni.
"""

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from datagen.files.reading import parse_json

ENDED = frozenset({"SUCCEEDED", "FAILED", "EARLY_STOPPED", "USER_CANCELED", "SYS_CANCELED"})
PATIENCE = 30.0  # [s] for a request on a busy machine


@dataclass(frozen=True)
class Job:
    """One trial as the manager records it."""

    id: str
    status: str
    parameters: dict[str, Any]  # what SuiteTuner handed out; empty for a trial that a user added by hand
    metric: Any  # the final one, of a succeeded trial only
    folder: Path | None  # of a trial on this machine; known once it was submitted
    number: int | None = None  # as the web page counts
    started: float | None = None  # [s since 1970]
    seconds: float | None = None  # that it took; None while it runs

    @property
    def stage(self) -> str | None:
        chosen = self.parameters.get("stage")
        return chosen.get("_name") if isinstance(chosen, dict) else None

    @property
    def settings(self) -> dict[str, Any]:
        """Config path → value of a trial that has a stage."""
        return {path: value for path, value in self.parameters["stage"].items() if path != "_name"}

    @property
    def ended(self) -> bool:
        return self.status in ENDED


class Manager:
    """The manager behind `url`.  Every method raises requests.RequestException when it does not answer."""

    def __init__(self, url: str) -> None:
        self._url = url

    @classmethod
    def on_port(cls, port: int) -> "Manager":
        return cls(f"http://127.0.0.1:{port}/api/v1/nni")

    @classmethod
    def of_dispatcher(cls) -> "Manager":
        """The manager that started this process, found through NNI's own command channel."""
        # ws://localhost:8080/tuner?token=…, with any URL prefix
        channel = urlsplit(os.environ["NNI_TUNER_COMMAND_CHANNEL"])
        return cls(f"http://127.0.0.1:{channel.port}{channel.path.removesuffix('/tuner')}/api/v1/nni")

    def status(self) -> tuple[str, list[str]]:
        """Status of the experiment (RUNNING, DONE, ERROR, …) and the manager's own errors."""
        answer = self._request("GET", "check-status")
        return answer["status"], answer["errors"]

    def experiment_id(self) -> str:
        return str(self._request("GET", "experiment")["id"])

    def max_trials(self) -> float:
        """Number of trials after which the manager goes to DONE."""
        return float(self._request("GET", "experiment")["params"].get("maxTrialNumber", math.inf))

    def jobs(self) -> list[Job]:
        """All submitted trials, including those before a resume."""
        return [_job(entry) for entry in self._request("GET", "trial-jobs")]

    def job(self, job_id: str) -> Job:
        return _job(self._request("GET", f"trial-jobs/{job_id}"))

    def latest_metric(self) -> Any:
        """The latest metric, or None."""
        rows = self._request("GET", "metric-data-latest")
        return unpack(max(rows, key=lambda row: row["timestamp"])["data"]) if rows else None

    def intermediates(self, job_id: str) -> list[Any]:
        """The intermediate results of a trial in the order received."""
        rows = self._request("GET", f"metric-data/{job_id}?type=PERIODICAL")
        return [unpack(row["data"]) for row in sorted(rows, key=lambda row: row["timestamp"])]

    def set_max_trials(self, number: int) -> None:
        self._request("PUT", "experiment?update_type=MAX_TRIAL_NUM", {"params": {"maxTrialNumber": number}})

    def stop(self) -> None:
        """Asks the manager to end its trials, its dispatcher and itself; returns before it has."""
        self._request("DELETE", "experiment")

    def _request(self, method: str, path: str, body: Any = None) -> Any:
        with requests.Session() as session:
            session.trust_env = False  # requests to this machine must not go through a proxy
            answer = session.request(method, f"{self._url}/{path}", json=body, timeout=PATIENCE)
        answer.raise_for_status()
        return answer.json() if answer.content else None


def _job(entry: dict[str, Any]) -> Job:
    finals = entry.get("finalMetricData") or []
    return make_job(
        entry["trialJobId"],
        entry["status"],
        handed=entry["hyperParameters"][0] if entry.get("hyperParameters") else None,
        metric=unpack(finals[0]["data"]) if finals else None,
        folder=entry.get("logPath"),
        number=entry.get("sequenceId"),
        started=entry.get("startTime"),
        ended=entry.get("endTime"),
    )


def make_job(
    job_id: str,
    status: str,
    *,
    handed: str | None,
    metric: Any,
    folder: str | None,
    number: int | None,
    started: float | None,
    ended: float | None,
) -> Job:
    """A job from NNI's record: `handed`, its parameters in JSON; times in milliseconds since 1970."""
    parameters = parse_json(handed or "{}", f"trial {job_id}", nan=True)
    by_hand = parameters.get("parameter_source") == "customized"
    return Job(
        id=job_id,
        status=status,
        parameters={} if by_hand else parameters.get("parameters") or {},
        metric=metric,
        folder=Path(folder) if folder else None,
        number=number,
        started=started / 1000 if started else None,
        seconds=(ended - started) / 1000 if started and ended else None,
    )


def unpack(data: str) -> Any:
    """A metric as NNI stores it: JSON text within JSON text."""
    return json.loads(json.loads(data))
