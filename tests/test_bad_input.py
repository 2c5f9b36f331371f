"""What a user can get wrong: each is one message and exit status 2, and leaves neither a process nor a file."""

import json
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import yaml

from tests.small_preset import write_small_preset
from trials import cli
from trials.experiment import launch
from trials.experiment.machines import doctor

ROOT = Path(__file__).parents[1]
EXPERIMENT = "abcd1234"


class Project:
    """A user's folder: preset, search space, NNI configuration and a data set of imported samples."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.patch = folder, patch
        self.data = folder / "data"

    def preset(self, path: str, value: Any) -> None:
        """Changes one setting of the preset; a value of None removes it."""
        file = self.folder / "presets" / "small.yml"
        tree = yaml.safe_load(file.read_text())
        *parents, last = path.split(".")
        section = tree
        for name in parents:
            section = section.setdefault(name, {})
        section[last] = value
        if value is None:
            del section[last]
        file.write_text(yaml.safe_dump(tree))

    def nni(self, **changes: Any) -> None:
        file = self.folder / "nni_config.yml"
        file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | changes))

    def tuner(self, **arguments: Any) -> None:
        config = yaml.safe_load((self.folder / "nni_config.yml").read_text())["tuner"]
        self.nni(tuner={**config, "classArgs": {**config["classArgs"], **arguments}})

    def space(self, stage: str, path: str, span: Any) -> None:
        file = self.folder / "suite.yml"
        tree = yaml.safe_load(file.read_text())
        next(branch for branch in tree["stage"]["_value"] if branch["_name"] == stage)[path] = span
        file.write_text(yaml.safe_dump(tree))

    def write(self, name: str, text: str) -> None:
        file = self.folder / name
        file.parent.mkdir(exist_ok=True, parents=True)
        file.write_text(text)

    def experiment(self, *, finished: bool = False, broken: bool = False) -> Path:
        """An earlier experiment that NNI was asked for, without trials."""
        folder = self.folder / "nni-experiments" / EXPERIMENT
        (folder / "db").mkdir(parents=True)
        (folder / "log").mkdir()
        if broken:
            (folder / "db" / "nni.sqlite").write_text("no data base")
        else:
            base = sqlite3.connect(folder / "db" / "nni.sqlite")
            base.execute("create table ExperimentProfile (params text, id text, startTime integer, revision integer)")
            base.execute(
                "create table TrialJobEvent "
                "(timestamp integer, trialJobId text, event text, data text, logPath text, sequenceId integer)"
            )
            base.execute("create table MetricData (timestamp integer, trialJobId text, type text, data text)")
            params = {"experimentName": "quickstart", "tuner": {"classArgs": {"budgets": {"search": 1}}}}
            base.execute("insert into ExperimentProfile values (?, ?, 0, 0)", (json.dumps(params), EXPERIMENT))
            base.commit()
            base.close()
        state = {"experiment": EXPERIMENT, "finished": finished, "digest": "of another time"}
        self.write("nni-experiments/quickstart.json", json.dumps(state))
        return folder

    def files(self) -> dict[str, int]:
        """Every file and its size; locks and a compiler's cache are nobody's result."""
        found = [file for file in self.folder.rglob("*") if file.is_file() and file.suffix != ".lock"]
        return {str(file): file.stat().st_size for file in found if ".cache" not in file.parts}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Samples in OpenFWI's form, imported."""
    folder = tmp_path_factory.mktemp("source")
    shots = np.random.default_rng(0).standard_normal((24, 2, 240, 24)).astype(np.float32)
    models = 2000.0 + 100.0 * np.arange(24)[:, None, None, None] * np.ones((1, 24, 24))
    np.save(folder / "data1.npy", shots)
    np.save(folder / "model1.npy", models.astype(np.float32))
    write_small_preset(folder / "small.yml", cells=(24, 24), samples=240)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["seisnas", "import", ".", "-p", "small.yml", "-o", "data"])
        with pytest.raises(SystemExit) as end:
            cli.main()
    assert not end.value.code
    return folder


@pytest.fixture
def project(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    (tmp_path / "presets").mkdir()
    write_small_preset(tmp_path / "presets" / "small.yml", cells=(24, 24), samples=240)
    shutil.copytree(data / "data", tmp_path / "data")
    shutil.copy(ROOT / "search_spaces" / "suite.yml", tmp_path)
    config = yaml.safe_load((ROOT / "nni_config.yml").read_text())
    config |= {"searchSpaceFile": "suite.yml", "trialCommand": "python -m trials --preset presets/small.yml"}
    config["tuner"]["codeDirectory"] = str(ROOT)
    (tmp_path / "nni_config.yml").write_text(yaml.safe_dump(config))
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path, monkeypatch)


@contextmanager
def busy_port() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def damage(project: Project, name: str, change: Callable[[bytes], bytes]) -> None:
    file = project.data / name
    file.write_bytes(change(file.read_bytes()))


def no_gpu(project: Project) -> None:
    project.patch.setattr(launch, "gpus_here", list)
    local = {"platform": "local", "trialGpuNumber": 1, "useActiveGpu": False}
    project.nni(trainingService=local)


def one_gpu(project: Project, **keys: Any) -> None:
    project.patch.setattr(launch, "gpus_here", lambda: [False])
    project.nni(trainingService={"platform": "local", "trialGpuNumber": 1, "useActiveGpu": False, **keys})


RUN, TUNE = "run", "tune -p presets/small.yml"
CHECK, GENERATE = "check-data -p presets/small.yml", "generate -p presets/small.yml"
Arrange = Callable[[Project], object]
BAD: dict[str, tuple[Arrange, str, str]] = {
    # the preset
    "preset missing": (lambda p: None, "tune -p presets/none.yml", "presets in this folder: presets/small.yml"),
    "preset not YAML": (lambda p: p.write("presets/small.yml", "a: ["), TUNE, "presets/small.yml: not YAML"),
    "preset a list": (lambda p: p.write("presets/small.yml", "- a"), TUNE, "expected `key: value` lines, got list"),
    "preset empty": (lambda p: p.write("presets/small.yml", ""), TUNE, "got NoneType"),
    "key misspelt": (lambda p: p.preset("tune.epoch", 3), TUNE, "tune.epoch: unknown key; did you mean epochs?"),
    "section missing": (lambda p: p.preset("data.grid", None), TUNE, "data.grid: missing"),
    "out of range": (lambda p: p.preset("training.batch_size", 0), TUNE, "training.batch_size: got 0"),
    "a text for a number": (lambda p: p.preset("tune.epochs", "3e1"), TUNE, "tune.epochs: got '3e1'"),
    "no loss at all": (lambda p: p.preset("loss", {"l2": 0, "ssim": 0}), TUNE, "at least one loss weight"),
    "unknown target": (lambda p: p.preset("target", "depth"), TUNE, "target: got 'depth'"),
    "name with a slash": (lambda p: p.preset("name", "a/b"), TUNE, "name: got 'a/b'"),
    "--set without =": (lambda p: None, f"{TUNE} --set tune.epochs", "write it as path=value"),
    "unknown genotype": (lambda p: None, f"{TUNE} --set network.genotype={{}}", "genotype"),
    # the NNI configuration
    "nni_config missing": (lambda p: None, f"{RUN} --config none.yml", "no such file"),
    "nni_config not YAML": (lambda p: p.write("nni_config.yml", "a: ["), RUN, "its trialCommand cannot be read"),
    "nni_config of version 1": (lambda p: p.nni(trialCommand=None, trial={"command": "x"}), RUN, "trialCommand"),
    "foreign trial command": (lambda p: p.nni(trialCommand="python x.py"), RUN, "must start with python -m trials"),
    "unknown key": (lambda p: p.nni(trialConcurency=1), RUN, "trialconcurency"),
    "no trial at a time": (lambda p: p.nni(trialConcurrency=0), RUN, "self.trial_concurrency > 0"),
    "unknown platform": (lambda p: p.nni(trainingService={"platform": "moon"}), RUN, "platform"),
    "bound below the budgets": (lambda p: p.nni(maxTrialNumber=5), RUN, "maxTrialNumber: got 5"),
    "code directory missing": (lambda p: p.nni(trialCodeDirectory="nowhere"), RUN, "nowhere"),
    # tuner and assessor
    "NNI's own tuner": (lambda p: p.nni(tuner={"name": "TPE"}), RUN, "tuner.name: got TPE; the stages need className"),
    "a broken tuner": (lambda p: p.nni(tuner={"name": "GP"}), RUN, "GP does not work here: it fails on NumPy 2"),
    "a tuner that is not there": (
        lambda p: p.nni(tuner={"className": "mine.Tuner", "codeDirectory": "."}),
        RUN,
        "no module mine",
    ),
    "a broken algorithm": (lambda p: p.tuner(algorithms={"tune": "Metis"}), RUN, "it fails on Python 3.11 and later"),
    "an unknown stage": (lambda p: p.tuner(algorithms={"train": "TPE"}), RUN, "got a stage 'train'"),
    "no budgets": (lambda p: p.tuner(budgets={}), RUN, "each stage needs 1 trial or more"),
    "half a trial": (lambda p: p.tuner(budgets={"search": 0.5, "tune": 1, "compress": 1}), RUN, "each stage needs 1"),
    "budget of another stage": (lambda p: p.tuner(budgets={"search": 1, "train": 1}), RUN, "the search space has"),
    "a seed that is a text": (lambda p: p.tuner(seed="one"), RUN, "tuner.classArgs.seed: got 'one'"),
    "an unknown argument": (lambda p: p.tuner(budget=3), RUN, "budget"),
    "NNI's median stop": (lambda p: p.nni(assessor={"name": "Medianstop"}), RUN, "median_stop.StageMedianStop"),
    # the search space
    "space missing": (lambda p: p.nni(searchSpaceFile="none.json"), RUN, "none.json"),
    "space without stages": (lambda p: p.write("suite.yml", "lr: {_type: uniform, _value: [0, 1]}"), RUN, "a choice"),
    "unknown key of the space": (
        lambda p: p.space("tune", "tune.rate", {"_type": "uniform", "_value": [0, 1]}),
        RUN,
        "stage tune, tune.rate: got 0; tune.rate: unknown key",
    ),
    "value out of range in the space": (
        lambda p: p.space("search", "network.depth", {"_type": "choice", "_value": [4, 9]}),
        RUN,
        "stage search, network.depth: got 9",
    ),
    "more trials than combinations": (
        lambda p: (p.write("suite.yml", SMALL_SPACE), p.tuner(budgets={"tune": 3})),
        RUN,
        "tuner.classArgs.budgets.tune: got 3; the search space has only 2",
    ),
    # the machine
    "no GPU": (no_gpu, RUN, "this machine has no GPU"),
    "GPU index": (lambda p: one_gpu(p, gpuIndices=[2]), RUN, r"gpuIndices: got [2]; the GPUs are 0 to 0"),
    "too many trials for the GPUs": (
        lambda p: (one_gpu(p), p.nni(trialConcurrency=3)),
        RUN,
        "trialConcurrency: got 3; 1 trials fit",
    ),
    "GPU number without useActiveGpu": (
        lambda p: p.nni(trainingService={"platform": "local", "trialGpuNumber": 1}),
        RUN,
        "use_active_gpu",
    ),
    "no compiler": (lambda p: p.patch.setenv("CC", "no-such-compiler"), RUN, "no-such-compiler not found"),
    "no disk": (lambda p: p.patch.setattr(doctor, "DISK", 1e9), RUN, "disk: "),
    "a file where the experiments go": (lambda p: p.write("nni-experiments", ""), RUN, "nni-experiments: "),
    "a port out of range": (lambda p: None, f"{RUN} --port 80", "Invalid value for '--port'"),
    # experiments
    "settings changed": (lambda p: p.experiment(), RUN, f"{EXPERIMENT} is not finished and the settings have changed"),
    "no experiment": (lambda p: None, "status", "no experiment is known"),
    "unknown experiment": (lambda p: p.experiment(), "status zzz", f"no such experiment; known are {EXPERIMENT}"),
    "stale folder": (lambda p: p.experiment(broken=True), "ls", "nni.sqlite: cannot be read"),
    "stop what is unknown": (lambda p: None, "stop zzz", "experiment zzz: no such experiment"),
    "resume what cannot be": (lambda p: p.experiment(), "resume", f"experiment {EXPERIMENT}: cannot continue"),
    "unknown trial": (lambda p: p.experiment(), "logs xyz", "has no such trial; it has none yet, tuner and manager"),
    "--config not YAML": (lambda p: p.write("nni_config.yml", "a: ["), "ls", "not an NNI configuration in YAML"),
    # the data set
    "data missing": (lambda p: shutil.rmtree(p.data), CHECK, "no data set in data; make it with `seisnas generate`"),
    "data truncated": (lambda p: damage(p, "data1.npy", lambda b: b[:-100]), CHECK, "expected"),
    "data changed": (lambda p: damage(p, "data1.npy", lambda b: b[:-1] + b"\1"), CHECK, "its content changed"),
    "manifest damaged": (lambda p: damage(p, "manifest.json", lambda b: b[:50]), CHECK, "manifest.json"),
    "data of another shape": (lambda p: p.preset("data.grid.nx", 32), CHECK, "data.grid.nx"),
    "data without images": (lambda p: None, f"{TUNE} --set target=rtm", "target"),
    "file of another folder": (lambda p: None, "import nowhere -p presets/small.yml -o new", "nowhere"),
    "shots that are no array": (
        lambda p: p.write("shots.npy", "no array"),
        "import shots.npy -p presets/small.yml -o new",
        "shots.npy",
    ),
    "SEG-Y that is none": (lambda p: p.write("a.sgy", "x"), "import a.sgy -p presets/small.yml -o new", "a.sgy"),
    "two ways to generate": (lambda p: None, f"{GENERATE} --workers 1 --dask tcp://127.0.0.1:1", "either --workers"),
    # runs and bundles
    "compress from nothing": (lambda p: None, "compress --from none -p presets/small.yml", "did not finish"),
    "export of nothing": (lambda p: None, "export none", "none/config.yml: no such file"),
    "no bundle": (lambda p: None, "predict none shots.npy", "no such folder"),
    "report of nothing": (lambda p: None, "report", "no compress trial has finished"),
}
SMALL_SPACE = "stage: {_type: choice, _value: [{_name: tune, seed: {_type: choice, _value: [1, 2]}}]}"


def seisnas(project: Project, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """Exit status and what the user reads, of the command run in this process."""
    project.patch.setattr(sys, "argv", ["seisnas", *words])
    with pytest.raises(SystemExit) as end:
        cli.main()
    said = capsys.readouterr()
    return int(end.value.code or 0), said.err + said.out


def refuse(project: Project, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    before, processes = project.files(), set(psutil.Process().children(recursive=True))
    status, message = seisnas(project, capsys, *words)
    assert status == 2, message
    assert "Traceback" not in message
    assert project.files() == before
    assert set(psutil.Process().children(recursive=True)) <= processes
    return message


@pytest.mark.parametrize("what", BAD)
def test_it_is_one_message_and_leaves_nothing(project: Project, capsys: pytest.CaptureFixture[str], what: str) -> None:
    arrange, command, complaint = BAD[what]
    arrange(project)
    message = refuse(project, capsys, *command.split())
    assert complaint in " ".join(message.split()), message
    assert len(message) < 2000


def test_a_busy_port(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    with busy_port() as port:
        assert "in use; choose another one with --port" in refuse(project, capsys, "run", "--port", str(port))


def test_a_stranger_with_the_number_of_an_old_manager_lives_on(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """After a reboot NNI's list may name the process of somebody else."""
    folder = project.experiment()
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as stranger:
        listed = {
            "id": EXPERIMENT,
            "port": 8080,
            "pid": stranger.pid,
            "status": "RUNNING",
            "logDir": str(folder.parent),
        }
        project.write("home/nni-experiments/.experiment", json.dumps({EXPERIMENT: listed}))
        status, message = seisnas(project, capsys, "stop", EXPERIMENT)
        assert (status, stranger.poll()) == (0, None), message
        assert "did not run" in message
        entry = json.loads((project.folder / "home/nni-experiments/.experiment").read_text())[EXPERIMENT]
        assert (entry["status"], entry["pid"]) == ("STOPPED", 0)
        stranger.kill()
