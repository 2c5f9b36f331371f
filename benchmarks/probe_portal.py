"""Tries every remote hole of NNI's portal, plain, guarded and opened: benchmarks/results/portal.json and .md.

    another machine (a network namespace)    ─┐
    another user of this machine (nobody)     ├─► portal of a running experiment ─► did it do what it should not?
    a web page of another origin (Chromium)   │
    a host of trials, through its SSH tunnel ─┘

sudo python benchmarks/probe_portal.py        Linux, as root, with ip, runuser, chromium and chromedriver

Rows of an earlier run are kept: remove from portal.json those to be tried again.
"""

import contextlib
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nni_node
import requests
from portal_attacks import API, ENDS, Attack, attacks, failing, idle, spelled, through_tunnel
from portal_places import HERE, HOST, MACHINE, OURSELVES, PAGES, PORT, USER, Browser, evil_page, namespace, send, until

from trials.experiment.nni import portal

RESULTS = Path("benchmarks/results")
NNI, OPENED, GUARDED = "NNI", "opened", "guarded"  # opened: SEISNAS_PORTAL_ADDRESS is this machine's address
WAIT = 400.0  # [s] for the effect of an attack that was let in: a trial waits for its turn
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
nni?.afterLoading('core/tuner_command_channel.js', require('{guard}/running/dispatcher').waitForASlowTuner);
"""
TARGET = "/platform/remote/1?key=abc"
TUNNEL = """
const { EventEmitter } = require('events'), net = require('net');
const client = new EventEmitter();
const outside = net.createServer(socket => client.emit('tcp connection', {}, () => socket));
client.forwardIn = (host, port, done) => outside.listen(port, host, () => done(null, outside.address().port));
require(process.argv[1]).tunnel(client, process.argv[2], Number(process.argv[3])).then(port => console.log(port));
"""
# which attacks come from where
OLD = [(place, attacks) for place in (MACHINE, USER, *PAGES)]
NEW: dict[str, list[tuple[str, Callable[..., list[Attack]]]]] = {
    NNI: [(MACHINE, spelled), (MACHINE, failing), (USER, idle), (HOST, through_tunnel)],
    OPENED: [(MACHINE, spelled), (MACHINE, failing), (MACHINE, idle), (HOST, through_tunnel)],
    GUARDED: [(USER, spelled), (OURSELVES, spelled), (USER, failing), (USER, idle), (HOST, through_tunnel)],
}


class Experiment:
    """A running experiment of `nnictl create`, its portal as plain NNI has it, opened or guarded."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.folder, self.kind = folder, kind
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
        options = (
            portal.node_option() if self.kind != NNI else f"--require {self.patience()}"
        )  # not the installed guard
        text = f"import os; os.environ['NODE_OPTIONS'] = {options!r}\n"
        text += "import nni.experiment.launcher as l; l._check_rest_server.__defaults__ = (60, None)\n"
        text += "from nni.tools.nnictl.nnictl import parse_args; parse_args()"
        environment = {**os.environ, "HOME": str(self.folder), "no_proxy": "*"}
        if self.kind == OPENED:
            environment["SEISNAS_PORTAL_ADDRESS"] = HERE
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


def tried(place: str, made: Callable[..., list[Attack]], trial: str, folder: Path) -> list[Attack]:
    arguments: dict[Any, tuple[Any, ...]] = {attacks: (trial, folder), failing: (trial,), through_tunnel: (TARGET,)}
    return made(*arguments.get(made, ()))


def succeeded(experiment: Experiment, attack: Attack, said: str) -> bool:
    if attack.marker is not None:
        return until(attack.marker.exists, WAIT if "20" in said[:3] or "101" in said[:15] else 2.0)
    if attack.answer == ENDS:
        return until(lambda: not experiment.alive(), 5.0)
    if attack.method == "CROWD":
        return attack.answer in said and not said.startswith("0")
    return attack.answer in said and (attack.method in ("RAW", "PS") or said.startswith("200"))


@contextlib.contextmanager
def tunnel(experiment: Experiment) -> Iterator[int]:
    """Where a host of trials finds the manager: at the end of its SSH tunnel; with plain NNI at the portal itself."""
    if experiment.kind == NNI:
        yield PORT
        return
    node = str(Path(nni_node.__path__[0]) / "node")
    words = [node, "-e", TUNNEL, str(portal.GUARD.parent / "hosts" / "tunnel.js"), TARGET, str(PORT)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def probe(rows: list[dict[str, Any]], folder: Path, browser: Browser, write: Callable[[], None]) -> None:
    for kind in (GUARDED, OPENED, NNI):
        (folder / kind).mkdir()
        experiment = Experiment(folder / kind, kind)
        try:
            for place, made in OLD + NEW[kind]:
                done = {row["attack"] for row in rows if (row["portal"], row["from"]) == (kind, place)}
                for index, attack in enumerate(tried(place, made, "x", folder)):
                    if attack.name not in done:
                        rows.append(one_try(experiment, place, made, index, browser))
                        write()
        finally:
            experiment.stop()


def one_try(
    experiment: Experiment, place: str, made: Callable[..., list[Attack]], index: int, browser: Browser
) -> dict[str, Any]:
    """The attack `index`; an experiment that an earlier attack has ended is started again."""
    if not experiment.alive():
        experiment.stop()
        experiment.start()
    until(experiment.running_trial)
    markers = experiment.folder / place.replace(" ", "-")
    markers.mkdir(exist_ok=True)
    attack = tried(place, made, experiment.running_trial(), markers)[index]
    with tunnel(experiment) as port:
        said = send(place, browser, attack, port)
    return {
        "portal": experiment.kind,
        "from": place,
        "attack": attack.name,
        "succeeded": succeeded(experiment, attack, said),
        "answer": said[:80].strip(),
    }


def page(rows: list[dict[str, Any]]) -> str:
    kinds = {NNI: "Plain NNI 3.0", OPENED: "Opened with SEISNAS_PORTAL_ADDRESS", GUARDED: "Guarded"}
    lines = [
        "# Attacks on the portal",
        "",
        "Each is tried on a running experiment; *yes*: it did what it should not. *Opened*: SEISNAS_PORTAL_ADDRESS",
        "is an address of this machine; whoever reaches it may look, start and stop trials: there *yes* means that.",
        "",
    ]
    for kind, name in kinds.items():
        found = [row["succeeded"] for row in rows if row["portal"] == kind]
        lines.append(f"- {name}: {sum(found)} of {len(found)} succeed.")
    for place in dict.fromkeys(row["from"] for row in rows):
        here = [row for row in rows if row["from"] == place]
        columns = [kind for kind in kinds if any(row["portal"] == kind for row in here)]
        lines += ["", f"## From {place}", "", f"| attack | {' | '.join(columns)} |", "|---" * (1 + len(columns)) + "|"]
        yes = {(row["portal"], row["attack"]): "**yes**" if row["succeeded"] else "no" for row in here}
        for attack in dict.fromkeys(row["attack"] for row in here):
            cells = " | ".join(yes.get((kind, attack), "") for kind in columns)
            lines.append(f"| {attack.replace('|', '')} | {cells} |")
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
    if any(row["succeeded"] for row in rows if row["portal"] == GUARDED):
        sys.exit("an attack on the guarded portal has succeeded")


if __name__ == "__main__":
    main()
