import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from trials.experiment.nni import processes

SLEEP = "import time; time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
    """Processes of a test, killed at its end."""
    running: list[subprocess.Popen[str]] = []
    yield running
    for process in running:
        process.kill()
        process.communicate()


def start(running: list[subprocess.Popen[str]], *words: str, **marks: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", *(words or (SLEEP,))]
    running.append(subprocess.Popen(command, env={**os.environ, **marks}, stdout=subprocess.PIPE, text=True))
    return running[-1]


def manager(running: list[subprocess.Popen[str]], experiment: str, port: int) -> subprocess.Popen[str]:
    return start(running, SLEEP, "/x/nni_node/main.js", "--port", str(port), "--experiment-id", experiment)


def test_a_manager_is_known_by_its_command_line(started: list[subprocess.Popen[str]]) -> None:
    first, second = manager(started, "exp-one", 18999), manager(started, "exp-two", 18998)
    found = processes.find_manager("exp-one")
    assert found is not None
    assert (found.pid, processes.experiment_id(found), processes.portal_port(found)) == (first.pid, "exp-one", 18999)
    on_port = processes.manager_on(18998)
    assert on_port is not None
    assert on_port.pid == second.pid
    assert processes.find_manager("exp-three") is None


def test_a_stranger_that_took_the_port_is_not_taken_for_ours(
    started: list[subprocess.Popen[str]], tmp_path: Path
) -> None:
    start(started, SLEEP, "/x/nni_node/main.js", "--port", "18997", "--experiment-id", "theirs")
    assert processes.started_for(tmp_path / "tiny.json") == set()
    assert processes.of_experiment("ours") == []
    marks = {"SEISNAS_LAUNCHED": "ours", "SEISNAS_NOTED_IN": str(tmp_path / "tiny.json")}
    nnictl = start(started, SLEEP, "create", "--port", "18997", **marks)
    assert processes.started_for(tmp_path / "tiny.json") == {"ours"}
    assert processes.started_for(tmp_path / "other.json") == set()
    assert [process.pid for process in processes.of_experiment("ours")] == [nnictl.pid]


def test_a_clock_that_is_set_back_makes_nothing_younger(
    started: list[subprocess.Popen[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    created, clock = psutil.Process.create_time, time.time
    monkeypatch.setattr(psutil.Process, "create_time", lambda one: created(one) - 60)  # counts from the new clock
    monkeypatch.setattr(time, "time", lambda: clock() - 120)
    assert 0 <= processes.age(psutil.Process(start(started, SLEEP).pid)) < 60


def test_only_processes_of_the_experiment_are_ended(started: list[subprocess.Popen[str]]) -> None:
    ours = [manager(started, "exp-one", 18999), start(started, SEISNAS_EXPERIMENT="exp-one")]
    stranger = start(started, SLEEP, "exp-one", "/nni-experiments/exp-one", SEISNAS_EXPERIMENT="exp-two")
    processes.end("exp-one")
    assert [process.wait(timeout=5) for process in ours]
    assert stranger.poll() is None
    assert processes.of_experiment("exp-one") == []


def test_a_process_that_does_not_listen_is_killed(started: list[subprocess.Popen[str]]) -> None:
    process = start(started, STUBBORN, SEISNAS_EXPERIMENT="exp-one")
    assert process.stdout is not None
    process.stdout.readline()
    processes.end("exp-one", patience=0.3)
    assert process.wait(timeout=5) != 0


def test_the_guard_gives_the_mark_that_is_looked_for() -> None:
    guard = Path(processes.__file__).parents[1].joinpath("guard", "running", "processes.js").read_text()
    assert f"const MARK = '{processes.MARK}'" in guard


def test_a_process_that_has_ended_but_was_not_reaped_is_not_alive(started: list[subprocess.Popen[str]]) -> None:
    started.append(process := subprocess.Popen([sys.executable, "-c", "print()"], stdout=subprocess.PIPE, text=True))
    assert process.stdout is not None
    process.stdout.read()
    one = psutil.Process(process.pid)
    processes.wait([one], 10)
    assert not processes.alive(one)
