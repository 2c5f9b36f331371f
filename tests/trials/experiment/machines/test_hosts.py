"""What `seisnas run` finds out about machines before it starts; `ssh` is a stand-in that says what real ones do."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from datagen.config import Data, Grid, Split, Survey
from datagen.errors import InputError
from trials.experiment.host_table import check_hosts, warn_of_bits
from trials.experiment.machines import host_folders
from trials.experiment.machines.code_size import code_size
from trials.experiment.machines.hosts import data_set_bytes, examine, read_fleet, ssh
from trials.experiment.plan import FinishedTrial
from trials.running import host_facts
from trials.settings.config import load

ROOT = Path(__file__).parents[4]
FAILURES = {
    "Host key verification failed.": "host key is not in",
    "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.": "ssh-keygen -R",
    "root@h: Permission denied (publickey).": "sshKeyFile",
    "Error: remote port forwarding failed for listen port 0": "AllowTcpForwarding",
    "ssh: connect to host h port 22: No route to host": "not reached: ssh: connect",
    "ssh: Could not resolve hostname h: Name or service not known": "correct host and port",
}


@pytest.fixture
def data(tmp_path: Path) -> Data:
    return Data(
        folder=str(tmp_path / "data"),
        grid=Grid(nz=16, nx=20, spacing=10.0),
        survey=Survey(shots=2, receivers=20, frequency=15.0, interval=0.001, samples=60),
        split=Split(train=8, validation=4, test=4),
    )


@pytest.fixture
def fake_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a shell script in the place of `ssh`."""

    def put(script: str) -> None:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        for name, text in {"ssh": script, "ssh-keygen": "true"}.items():
            (folder / name).write_text(f"#!/bin/sh\n{text}\n")
            (folder / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    return put


@pytest.fixture
def config(tmp_path: Path) -> Callable[..., Path]:
    """The project's own nni_config.remote.yml with one host; keywords are settings of it."""

    def write(**machine: Any) -> Path:
        key = tmp_path / "key"
        key.touch()
        tree = yaml.safe_load((ROOT / "nni_config.remote.yml").read_text())
        tree |= {"trialCodeDirectory": str(tmp_path), "searchSpaceFile": str(ROOT / "search_spaces" / "suite.yml")}
        tree["tuner"]["codeDirectory"] = str(ROOT)
        host = {"host": "h", "user": "me", "sshKeyFile": str(key), "pythonPath": str(Path(sys.executable).parent)}
        tree["trainingService"]["machineList"] = [host | machine]
        tree["experimentWorkingDirectory"] = str(tmp_path / "nni-experiments")
        file = tmp_path / "nni.yml"
        file.write_text(yaml.safe_dump(tree))
        return file

    return write


def facts(**changes: Any) -> dict[str, Any]:
    """What a host says that is as this machine."""
    from trials.experiment.machines.hosts import PACKAGES  # noqa: PLC0415

    good = {"python": "3.11.7", "versions": host_facts.versions(PACKAGES), "compiler": "/usr/bin/gcc", "cores": 2}
    return good | {"free": 1e12, "data": None} | changes


def find_problems(config: Path, data: Data) -> str:
    (finding,) = examine(read_fleet(config).hosts, data)
    return "\n".join(finding.problems)


@pytest.mark.parametrize(("said", "meant"), FAILURES.items())
def test_a_host_that_cannot_be_reached_is_told_with_the_setting(
    config: Callable[..., Path], data: Data, fake_ssh: Callable[[str], None], said: str, meant: str
) -> None:
    fake_ssh(f"printf '%s\\n' '{said}' >&2; exit 255")
    problem = find_problems(config(), data)
    assert meant in problem
    assert "machineList[0] (h:22)" in problem


def test_a_missing_python_names_python_path(
    config: Callable[..., Path], data: Data, fake_ssh: Callable[[str], None]
) -> None:
    fake_ssh("echo 'sh: 1: /opt/x/python: not found' >&2; exit 127")
    assert "pythonPath" in find_problems(config(), data)


@pytest.mark.parametrize(
    ("changes", "meant"),
    [
        ({"python": "3.9.2"}, "python 3.9.2"),
        ({"free": 1e6}, "GB free in its home"),
        ({"compiler": None}, "no C compiler"),
        ({"versions": facts()["versions"] | {"nni": None}}, "nni is missing"),
        ({"versions": facts()["versions"] | {"torch": "1.0"}}, "torch 1.0, this machine has"),
    ],
)
def test_what_a_host_lacks_is_told(
    config: Callable[..., Path], data: Data, fake_ssh: Callable[[str], None], changes: dict[str, Any], meant: str
) -> None:
    fake_ssh(f"cat > /dev/null; echo '{json.dumps(facts(**changes))}'")
    assert meant in find_problems(config(), data)


def test_another_build_of_the_same_version_is_welcome(
    config: Callable[..., Path], data: Data, fake_ssh: Callable[[str], None]
) -> None:
    versions = facts()["versions"]
    versions["torch"] = versions["torch"].partition("+")[0] + "+cu126"
    fake_ssh(f"cat > /dev/null; echo '{json.dumps(facts(versions=versions))}'")
    assert find_problems(config(), data) == ""


def test_a_host_as_this_machine_is_asked_by_its_own_python(
    config: Callable[..., Path], data: Data, fake_ssh: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    fake_ssh('for last; do :; done; exec sh -c "$last"')  # the remote command, run here
    console = Console(width=120)
    assert check_hosts(config(), data, console)
    assert "will be made" in capsys.readouterr().out


def test_a_password_is_refused_because_the_page_would_show_it(config: Callable[..., Path]) -> None:
    with pytest.raises(InputError, match="shown on NNI's web page"):
        read_fleet(config(password="secret"))


def test_an_experiment_on_this_machine_has_no_hosts() -> None:
    assert read_fleet(ROOT / "nni_config.yml").hosts == []


def test_host_keys_are_not_taken_on_trust(config: Callable[..., Path]) -> None:
    (host,) = read_fleet(config(port=2222)).hosts
    words = ssh(host)
    assert "StrictHostKeyChecking=yes" in words
    assert words[words.index("-p") + 1] == "2222"


def test_the_code_is_counted_as_nni_counts_it(tmp_path: Path) -> None:
    (tmp_path / ".nniignore").write_text("/data\n*.log\n")
    (tmp_path / "data").mkdir()
    for name in ("data/big", "a.log", "code.py"):
        (tmp_path / name).write_bytes(bytes(100))
    size = code_size(tmp_path)
    assert (size.files, size.folders["code.py"]) == (2, 100)  # and .nniignore


def test_too_much_code_is_told_with_its_size_and_place(tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    with (tmp_path / "weights" / "all.bin").open("wb") as file:
        file.truncate(301 * 2**20)
    with pytest.raises(InputError, match=r"1 files, 315\.6 MB .*\.nniignore; the largest: weights"):
        code_size(tmp_path)


def test_this_project_is_small_enough_to_send() -> None:
    size = code_size(ROOT)
    assert size.files < 500
    assert size.bytes < 10e6


def test_two_data_sets_have_one_digest_if_and_only_if_their_files_are_the_same(tmp_path: Path) -> None:
    def write(name: str, checksum: str, models: int = 4) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        files = {"data": {"name": "data1.npy", "bytes": 1, "sha256": checksum}}
        shards = [{"shard": {"models": models}, "files": files}]
        split = {"train": 4, "validation": 0, "test": 0}
        (folder / "manifest.json").write_text(json.dumps({"data": {"split": split}, "shards": shards}))
        return folder

    one, same, other = write("one", "aa"), write("same", "aa"), write("other", "ab")
    assert host_facts.data_digest(one) == host_facts.data_digest(same) != host_facts.data_digest(other)
    assert host_facts.data_digest(write("unfinished", "aa", 3)) is None
    assert host_facts.data_digest(tmp_path) is None


def test_the_size_of_a_data_set_is_known_before_it_is_made(data: Data) -> None:
    assert data_set_bytes(data) == 16 * (2 * 60 * 20 * 4 + 2 * 16 * 20 * 4)


def test_on_a_host_the_data_set_outlives_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "code").mkdir()
    monkeypatch.chdir(tmp_path / "code")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    host_folders.keep_data("data/set")
    assert not Path("data").exists()  # nothing happens at home
    monkeypatch.setenv("NNI_PLATFORM", "remote")
    host_folders.keep_data("data/set")
    host_folders.keep_data("data/set")  # the second trial
    Path("data/set/shard").touch()
    assert (tmp_path / "home" / "seisnas" / "data" / "set" / "shard").exists()
    Path("sent").mkdir()
    with pytest.raises(InputError, match="nniignore"):
        host_folders.keep_data("sent")


def test_the_winner_of_another_host_lies_beside_the_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    winner = {"run": "/head/nni-experiments/x/environments/remote-worker1/trials/abc"}
    monkeypatch.setenv("NNI_OUTPUT_DIR", "/host/nni-experiments/x/environments/remote-worker2/trials/def")
    assert host_folders.winner_run(winner) == Path(winner["run"])
    monkeypatch.setenv("NNI_PLATFORM", "remote")
    assert host_folders.winner_run(winner) == Path("/host/nni-experiments/x/environments/remote-worker2/trials/abc")


def test_trials_on_data_of_other_bits_are_named(
    data: Data, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trials.experiment.host_table.data_digest", lambda _: "aa")
    trials = [
        FinishedTrial(name, "tune", {}, {"data": digest}, tmp_path / name)
        for name, digest in (("t1", "aa"), ("t2", "ab"))
    ]
    warn_of_bits(trials, data, Console(width=200))
    said = capsys.readouterr().out
    assert "t2" in said
    assert "t1" not in said
    warn_of_bits(trials[:1], data, Console())
    assert capsys.readouterr().out == ""


def test_the_preset_of_the_shipped_example_can_be_read() -> None:
    words = yaml.safe_load((ROOT / "nni_config.remote.yml").read_text())["trialCommand"].split()
    assert load(ROOT / words[-1]).name == "quickstart"
