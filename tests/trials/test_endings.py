"""Signals, and the experiment they end: no process is left, whatever is sent, how often and when."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import yaml

from trials.experiment.launch import check
from trials.experiment.nni import processes
from trials.experiment.plan import load_plan, read_state

ROOT = Path(__file__).parents[2]
RATE = {"_type": "uniform", "_value": [0.0, 1.0]}
CONFIG = {
    "experimentName": "tiny",
    "searchSpace": {"stage": {"_type": "choice", "_value": [{"_name": "tune", "loss.ssim": RATE}]}},
    "trialCommand": "sleep 600",
    "trialCodeDirectory": ".",
    "trialConcurrency": 1,
    "maxTrialNumber": 100,
    "tuner": {
        "className": "trials.experiment.tuner.suite_tuner.SuiteTuner",
        "codeDirectory": ".",
        "classArgs": {"budgets": {"tune": 1}, "seed": 1},
    },
    "trainingService": {"platform": "local"},
    "experimentWorkingDirectory": "./nni-experiments",
}
RUN = """
import sys
from pathlib import Path
from trials.experiment.launch import run_experiment
from trials.running.ending import end_on_signals
end_on_signals()
run_experiment(Path(sys.argv[1]), int(sys.argv[2]))
"""
CLEANED = """
import signal, sys, time
from trials.running.ending import cleaned_up, end_on_signals
end_on_signals()
signal.signal(signal.SIGINT, signal.default_int_handler)

def clean():
    print("cleaning", flush=True)
    time.sleep(float(sys.argv[2]))
    print("cleaned", flush=True)

with cleaned_up(clean):
    print("working", flush=True)
    time.sleep(float(sys.argv[1]))
time.sleep(60)
"""
INT, TERM, HUP = signal.SIGINT, signal.SIGTERM, signal.SIGHUP

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts Python programs, which are killed at the end of the test."""
    running: list[subprocess.Popen[str]] = []

    def start(program: str, *words: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", program, *map(str, words)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        running.append(
            subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        )
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.communicate()


# What is cleaned up


@pytest.mark.parametrize("first", [INT, TERM, HUP])
@pytest.mark.parametrize("second", [INT, TERM, HUP])
def test_a_second_signal_does_not_cut_the_cleaning_short(start: Start, first: int, second: int) -> None:
    process = start(CLEANED, 60, 0.3)
    assert process.stdout is not None
    assert process.stdout.readline() == "working\n"
    process.send_signal(first)
    assert process.stdout.readline() == "cleaning\n"
    for _ in range(20):
        process.send_signal(second)
        time.sleep(0.005)
    said, errors = process.communicate(timeout=30)
    assert said == "cleaned\n", errors
    assert process.returncode == (-INT if first == INT else 128 + first)  # the command line makes 130 of -2


@pytest.mark.parametrize("number", [INT, TERM, HUP])
def test_a_signal_that_first_comes_in_the_cleaning_is_heeded_after_it(start: Start, number: int) -> None:
    process = start(CLEANED, 0, 0.3)
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(2)] == ["working\n", "cleaning\n"]
    process.send_signal(number)
    said, errors = process.communicate(timeout=30)
    assert said == "cleaned\n", errors
    assert process.returncode == (-INT if number == INT else 128 + number)


# A real experiment


@pytest.fixture
def nni_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Of an experiment whose trial sleeps."""
    monkeypatch.setenv("HOME", str(tmp_path))
    file = tmp_path / "nni.yml"
    file.write_text(yaml.safe_dump(CONFIG))
    yield file
    for experiment in processes.started_for(load_plan(file).state_file):
        processes.end(experiment)


def started(nni_config: Path) -> list[psutil.Process]:
    state_file = load_plan(nni_config).state_file
    return [one for name in processes.started_for(state_file) for one in processes.of_experiment(name)]


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_an_experiment_that_has_just_started_leaves_no_process_after_two_signals(
    start: Start, nni_config: Path, free_port: int
) -> None:
    process = start(RUN, nni_config, free_port)
    wait_for(lambda: read_state(load_plan(nni_config)))
    process.send_signal(INT)
    for number in (TERM, HUP, INT, TERM):
        time.sleep(0.2)
        process.send_signal(number)
    process.communicate(timeout=120)
    assert process.returncode == -INT
    assert started(nni_config) == []


def test_an_experiment_that_is_only_being_started_leaves_no_process(
    start: Start, nni_config: Path, free_port: int
) -> None:
    process = start(RUN, nni_config, free_port)
    wait_for(lambda: any("nni_node" in " ".join(one.cmdline()) for one in started(nni_config)))
    process.send_signal(TERM)
    time.sleep(0.2)
    process.send_signal(INT)
    process.communicate(timeout=120)
    assert process.returncode == 128 + TERM
    assert started(nni_config) == []


def test_what_a_killed_launcher_was_starting_is_ended_by_the_next_one(
    start: Start, nni_config: Path, free_port: int
) -> None:
    process = start(RUN, nni_config, free_port)
    wait_for(lambda: any("nni_node" in " ".join(one.cmdline()) for one in started(nni_config)))
    process.kill()
    process.wait()
    assert started(nni_config) != []
    check(load_plan(nni_config), free_port)
    assert started(nni_config) == []
