"""The portal in a real browser, on a running, a finished and a failed experiment of trials that do nothing.

Three trials run at a time, so that their hyper-parameters could be mixed up.

SEISNAS_BROWSER=1 SEISNAS_SCREENSHOTS=FOLDER pytest tests/trials/browsing/test_portal_browser.py   (pictures)
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.trials.browsing.browser import FOUND, MISSING, Browser, ask, chromium, free_port, hosts, until
from trials.experiment.launch import stop
from trials.experiment.nni import processes
from trials.experiment.nni.nnictl import NNICTL, environment

pytestmark = [
    pytest.mark.skipif("SEISNAS_BROWSER" not in os.environ, reason="takes minutes: SEISNAS_BROWSER=1"),
    pytest.mark.skipif(not FOUND, reason=MISSING),
    pytest.mark.timeout(1800),
]

TRIALS = 30
SPACE = {"rate": {"_type": "uniform", "_value": [0, 1]}, "loss": {"_type": "choice", "_value": ["l1", "l2", "ssim"]}}
TRIAL = """
import json, os, pathlib, random, sys, time, nni
parameters = nni.get_next_parameter()
file = pathlib.Path(os.environ["NNI_OUTPUT_DIR"], "own.json")
file.with_suffix(".new").write_text(json.dumps(parameters))
file.with_suffix(".new").rename(file)
for step in range(4):
    nni.report_intermediate_result({"default": parameters["rate"] + step, "mae": random.random()})
    time.sleep(random.random() * 0.3)
if "fail" in sys.argv:
    sys.exit("this trial fails")
nni.report_final_result({"default": parameters["rate"], "mae": random.random()})
"""


@dataclass
class Seen:
    """What the browser showed of one experiment, and what the trials know themselves."""

    statuses: set[str]  # of trials, in the table
    own: dict[str, Any]  # trial → hyper-parameters, as it wrote them
    shown: dict[str, Any]  # the same, as the page shows them
    hosts: set[str]  # that the browser sent requests to
    errors: list[str]  # in the page's console
    bare: set[str]  # icons that have no drawing


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one


@dataclass
class Experiment:
    """Started by plain nnictl."""

    folder: Path
    port: int
    id: str = ""

    def start(self, command: str, trials: int) -> None:
        (self.folder / "trial.py").write_text(TRIAL)
        config = {
            "searchSpace": SPACE,
            "trialCommand": command,
            "trialCodeDirectory": ".",
            "trialConcurrency": 3,
            "maxTrialNumber": trials,
            "tuner": {"name": "Random"},
            "trainingService": {"platform": "local"},
            "experimentWorkingDirectory": str(self.folder / "nni-experiments"),
        }
        (self.folder / "nni.json").write_text(json.dumps(config))
        words = ["create", "--config", str(self.folder / "nni.json"), "--port", str(self.port)]
        words = [sys.executable, "-c", NNICTL, *words]
        subprocess.run(
            words, env=environment({**os.environ, "HOME": str(self.folder)}), check=True, capture_output=True
        )
        manager = processes.manager_on(self.port)
        assert manager is not None
        self.id = processes.experiment_id(manager)

    def stop(self) -> None:
        if self.id:
            stop(self.id)

    def api(self, path: str) -> Any:
        return ask("GET", f"http://127.0.0.1:{self.port}/api/v1/nni/{path}")

    def done(self) -> bool:
        status = self.api("check-status")
        assert status["errors"] == []
        return bool(status["status"] == "DONE")

    def own(self) -> dict[str, Any]:
        files = (self.folder / "nni-experiments" / self.id).glob("environments/local-env/trials/*/own.json")
        return {file.parent.name: json.loads(file.read_text()) for file in files}


EXPAND = """
for (const icon of document.querySelectorAll("[data-automationid='DetailsRow'] i[data-icon-name='ChevronRight']"))
  icon.dispatchEvent(new MouseEvent('click', { bubbles: true }));
"""
SHOWN = """
const found = {};
for (const row of document.querySelectorAll("[data-automationid='DetailsRow']")) {
  const id = row.querySelector("[data-automation-key='id']").innerText.split('\\n')[0];
  const lines = row.parentElement.innerText.split('\\n').map(line => /^(rate|loss):(.*)$/.exec(line.trim()));
  found[id] = Object.fromEntries(lines.filter(Boolean).map(([, name, value]) => [name, JSON.parse(value)]));
}
return found;
"""
BARE = """
return [...document.querySelectorAll('i[data-icon-name]')]
  .filter(icon => !icon.querySelector('img') && getComputedStyle(icon, '::before').content === 'none')
  .map(icon => icon.dataset.iconName);
"""


def look(browser: Browser, experiment: Experiment, name: str) -> Seen:
    """Walks through the portal as a user does: overview, each trial's parameters, a chart of one, all parameters."""
    browser.log("browser"), browser.log("performance")  # what was before
    url = f"http://127.0.0.1:{experiment.port}"
    browser.open(f"{url}/oview")
    browser.see(experiment.id)
    browser.see("Top trials")
    bare = set(browser.run(BARE))
    browser.picture(f"portal_{name}_overview")
    browser.open(f"{url}/detail")
    browser.see("Trial jobs")
    shown: dict[str, Any] = {}
    statuses: set[str] = set()
    for page in range(1, 1 + -(-len(experiment.api("trial-jobs")) // 20)):
        if page > 1:
            browser.click("#tableList a", str(page))
        browser.run("window.scrollTo(0, 600)")
        until(lambda: not browser.run(SHOWN).keys() <= shown.keys(), 60)  # noqa: B023  # called at once
        until(lambda: browser.run(EXPAND) or all(browser.run(SHOWN).values()), 300)  # new rows may come in between
        shown |= browser.run(SHOWN)
        statuses |= set(browser.run("return [...document.querySelectorAll('.commonStyle')].map(e => e.innerText)"))
        if page == 1:
            browser.picture(f"portal_{name}_trials")
    browser.click("button[title='Intermediate']")
    until(lambda: bool(browser.run("return document.querySelectorAll('.ms-Modal canvas').length")), 60)
    browser.see("Intermediate results")
    browser.picture(f"portal_{name}_intermediate")
    browser.open(f"{url}/detail")
    browser.click("button", "Hyper-parameter")
    browser.picture(f"portal_{name}_parameters")
    bare |= set(browser.run(BARE))
    errors = [entry["message"] for entry in browser.log("browser") if entry["level"] == "SEVERE"]
    return Seen(statuses, experiment.own(), shown, hosts(browser.log("performance")), errors, bare)


@pytest.fixture(scope="module")
def seen(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Seen]:
    good = Experiment(tmp_path_factory.mktemp("good"), free_port(18400))
    try:
        good.start("python trial.py", TRIALS)
        until(lambda: len(good.own()) >= 6)
        found = {"running": look(browser, good, "running")}
        until(good.done)
        found["finished"] = look(browser, good, "finished")
        found["finished"].hosts.discard(f"127.0.0.1:{good.port}")
        found["running"].hosts.discard(f"127.0.0.1:{good.port}")
    finally:
        good.stop()
    bad = Experiment(tmp_path_factory.mktemp("bad"), free_port(18400))
    try:
        bad.start("python trial.py fail", 3)
        until(bad.done)
        found["failed"] = look(browser, bad, "failed")
        found["failed"].hosts.discard(f"127.0.0.1:{bad.port}")
    finally:
        bad.stop()
    return found


KINDS = pytest.mark.parametrize("kind", ["running", "finished", "failed"])


@KINDS
def test_no_request_leaves_this_machine(seen: dict[str, Seen], kind: str) -> None:
    assert seen[kind].hosts == set()


@KINDS
def test_the_page_has_no_error_and_draws_every_icon(seen: dict[str, Seen], kind: str) -> None:
    assert seen[kind].errors == []
    assert seen[kind].bare == set()


@KINDS
def test_hyper_parameters_are_those_that_the_trials_got(seen: dict[str, Seen], kind: str) -> None:
    shown = {trial: parameters for trial, parameters in seen[kind].shown.items() if trial in seen[kind].own}
    assert shown == {trial: seen[kind].own[trial] for trial in shown}
    assert len(shown) >= {"running": 5, "finished": TRIALS, "failed": 3}[kind]


def test_states_of_trials_are_told(seen: dict[str, Seen]) -> None:
    assert "RUNNING" in seen["running"].statuses
    assert seen["finished"].statuses == {"SUCCEEDED"}
    assert seen["failed"].statuses == {"FAILED"}
