"""A run that was cut off and is started again ends like one that was not; a finished one tells its result again."""

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
import torch
import yaml

from datagen.errors import InputError
from search_spaces.genotype import Genotype
from trials.running.channel import Channel
from trials.running.checkpoint import WholeFiles, checkpoint_path
from trials.running.memory import OutOfMemory, report_short_memory
from trials.running.run_folder import RunFolder
from trials.settings.config import Config, load
from trials.stages.execute import execute
from trials.training.networks import with_genotype

ROOT = Path(__file__).parents[2]
TINY = {
    "name": "tiny",
    "device": "cpu",
    "network": {"depth": 2, "width": 4, "nodes": 1, "operations": "small", "max_parameters": 8000},
    "search": {"strategy": "parsec", "samples": 16, "epochs": 3, "retrain_epochs": 2},
    "training": {"batch_size": 4},
    "tune": {"epochs": 3},
    "compress": {"epochs": 2, "sparsity": 0.7, "schedule": "gradual", "steps": 2},
}


class CutOff(Exception):
    """In place of kill -9."""


class Reports(Channel):
    """Keeps what would go to NNI; cuts the run off in the report of an epoch, counted over all phases."""

    def __init__(self, cut_at: int = -1) -> None:
        super().__init__()
        self.cut_at = cut_at
        self.sequences: list[int] = []
        self.finals: list[dict[str, Any]] = []

    def intermediate(self, metrics: dict[str, Any]) -> None:
        if self.sequence == self.cut_at:
            raise CutOff
        self.sequences.append(self.sequence)
        self.sequence += 1

    def final(self, metrics: dict[str, Any]) -> None:
        self.finals.append(metrics)


@pytest.fixture(scope="module")
def preset(tiny_data: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    file = folder / "tiny.yml"
    file.write_text(yaml.safe_dump(TINY | {"data": tiny_data}))
    return file


@pytest.fixture(scope="module")
def config(preset: Path) -> Config:
    return load(preset)


@pytest.fixture(scope="module")
def found(config: Config, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A search without interruption."""
    run = RunFolder(tmp_path_factory.mktemp("search"))
    execute("search", config, run, Channel())
    return run


@pytest.fixture(scope="module")
def tuned(config: Config, found: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    run = RunFolder(tmp_path_factory.mktemp("tune"))
    execute("tune", with_genotype(config, Genotype.from_json(found.result["genotype"])), run, Channel())
    return run


@pytest.fixture(scope="module")
def pruned(tuned: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    run = RunFolder(tmp_path_factory.mktemp("compress"))
    execute("compress", tuned.config, run, Channel(), source=tuned)
    return run


def cut_off_and_again(stage: Any, config: Config, run: RunFolder, cut_at: int, source: RunFolder | None = None) -> None:
    with pytest.raises(CutOff):
        execute(stage, config, run, Reports(cut_at), source=source)
    assert not run.finished
    again = Reports()
    execute(stage, config, run, again, source=source)
    assert again.sequences[0] == cut_at


def assert_same(run: RunFolder, other: RunFolder) -> None:
    """The same epochs with the same numbers, each once, and the same network."""
    assert len(run.metrics) == len(other.metrics)
    for row, theirs in zip(run.metrics, other.metrics, strict=True):
        assert row.pop("phase") == theirs["phase"]
        assert row == pytest.approx({name: value for name, value in theirs.items() if name != "phase"}, 1e-4, 1e-5)
    weights = other.load_weights()
    for name, weight in run.load_weights().items():
        torch.testing.assert_close(weight, weights[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("strategy", ["parsec", "darts", "gumbel", "one_path"])
def test_the_search_of_a_supernet_goes_on_from_its_checkpoint(config: Config, tmp_path: Path, strategy: str) -> None:
    wanted = replace(config, search=replace(config.search, strategy=strategy, retrain_epochs=1))
    whole, run = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "cut")
    execute("search", wanted, whole, Channel())
    cut_off_and_again("search", wanted, run, 2)
    assert run.result["genotype"] == whole.result["genotype"]
    assert_same(run, whole)


def test_a_search_that_was_cut_off_after_its_supernet_retrains_alike(
    config: Config, found: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first weights do not depend on what was drawn before, in this life or in an earlier one."""
    run = RunFolder(tmp_path)

    def cut_off(*_: Any) -> None:
        raise CutOff

    with monkeypatch.context() as patch:
        patch.setattr("trials.stages.search.draw_genotype", cut_off)
        with pytest.raises(CutOff):
            execute("search", config, run, Channel())
    execute("search", config, run, Channel())
    assert_same(run, found)


def test_a_retraining_goes_on_from_its_checkpoint(config: Config, found: RunFolder, tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    cut_off_and_again("search", config, run, 4)
    assert_same(run, found)


@pytest.mark.parametrize("cut_at", [1, 2, 3])
def test_every_step_of_gradual_pruning_goes_on_from_its_checkpoint(
    tuned: RunFolder, pruned: RunFolder, tmp_path: Path, cut_at: int
) -> None:
    run = RunFolder(tmp_path)
    cut_off_and_again("compress", tuned.config, run, cut_at, tuned)
    assert_same(run, pruned)


def test_a_search_that_had_stopped_itself_does_not_go_on(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = iter([0.1, 0.9])
    monkeypatch.setattr("trials.stages.one_shot.skip_share", lambda genotype: next(shares))
    wanted, run = replace(config, search=replace(config.search, stop_skip_share=0.5)), RunFolder(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("trials.stages.search.draw_genotype", lambda *_: pytest.fail("cut off"))
        patch.setattr(RunFolder, "save_genotype", lambda *_: pytest.fail("cut off"))
        with pytest.raises(pytest.fail.Exception):
            execute("search", wanted, run, Channel())
    execute("search", wanted, run, Channel())
    assert [row["phase"] for row in run.metrics] == ["supernet"] * 2 + ["retrain"] * 2


def test_a_finished_run_reports_its_result_at_once(tuned: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trials.stages.execute.tune", lambda *_: pytest.fail("trained again"))
    channel = Reports()
    assert execute("tune", tuned.config, tuned, channel) == tuned.result
    assert channel.finals == [tuned.result]


def test_a_finished_compress_run_reports_its_result_at_once(
    tuned: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its config.yml ends with the channels that it has left and with its source as teacher."""
    once = replace(tuned.config.compress, pruner="channel", schedule="one_shot", epochs=1, distil=1.0)
    wanted, run = replace(tuned.config, compress=once), RunFolder(tmp_path)
    execute("compress", wanted, run, Channel(), source=tuned)
    monkeypatch.setattr("trials.stages.compress.compress", lambda *_: pytest.fail("pruned again"))
    assert execute("compress", wanted, run, Channel(), source=tuned) == run.result


def test_a_run_of_other_settings_starts_afresh(config: Config, tmp_path: Path) -> None:
    unet = replace(config, network=replace(config.network, model="unet"))
    run = RunFolder(tmp_path)
    with pytest.raises(CutOff):
        execute("tune", unet, run, Reports(2))
    other = replace(unet, tune=replace(unet.tune, epochs=2, learning_rate=2.0e-3))
    execute("tune", other, run, Channel())
    assert [row["epoch"] for row in run.metrics] == [0, 1]
    assert run.config == other


def test_a_manager_that_is_gone_does_not_end_a_trial(config: Config, tmp_path: Path) -> None:
    class Gone:
        def send_metric(self, **_: Any) -> None:
            requests.put("http://127.0.0.1:9", json={}, timeout=5)  # nobody listens there

    channel = Channel()
    channel._nni = Gone()
    unet = replace(config, network=replace(config.network, model="unet"), tune=replace(config.tune, epochs=1))
    execute("tune", unet, RunFolder(tmp_path), channel)
    assert RunFolder(tmp_path).finished
    back = Reports()
    execute("tune", unet, RunFolder(tmp_path), back)  # NNI runs it again when it is back
    assert len(back.finals) == 1


@pytest.mark.parametrize(
    ("stage", "error", "told"),
    [
        (
            "tune",
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
            "training.batch_size (now 4)",
        ),
        ("compress", MemoryError("Unable to allocate 9.31 GiB for an array"), "network.max_parameters (now 8000)"),
        ("search", RuntimeError("DefaultCPUAllocator: can't allocate memory: 99 bytes"), "search.partial_channels"),
    ],
)
def test_memory_that_is_short_is_told_with_the_setting_to_lower(
    config: Config, stage: str, error: Exception, told: str
) -> None:
    darts = replace(config, search=replace(config.search, strategy="darts"))
    with pytest.raises(OutOfMemory) as caught, report_short_memory(stage, darts):
        raise error
    assert told in str(caught.value)
    assert str(error) in str(caught.value)


def test_memory_that_really_is_short_is_recognised(config: Config) -> None:
    with pytest.raises(OutOfMemory), report_short_memory("tune", config):
        torch.empty(2**55, dtype=torch.float32)


def test_other_errors_are_not_taken_for_short_memory(config: Config) -> None:
    with pytest.raises(RuntimeError, match="shape"), report_short_memory("tune", config):
        raise RuntimeError("shape mismatch")


def test_a_checkpoint_that_was_cut_off_in_the_writing_leaves_the_one_before(config: Config, tmp_path: Path) -> None:
    unet = replace(config, network=replace(config.network, model="unet"))
    run = RunFolder(tmp_path)
    with pytest.raises(CutOff):
        execute("tune", unet, run, Reports(2))
    checkpoint_path(run.path, "tune").with_suffix(".ckpt.tmp").write_bytes(b"half a file")
    execute("tune", unet, run, Channel())
    assert [row["epoch"] for row in run.metrics] == [0, 1, 2]
    assert not list(run.path.glob("*.tmp"))


class Touch:
    """Unpickled, it makes a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return Path.touch, (self.file,)


@pytest.fixture
def cut_off(config: Config, tmp_path: Path) -> tuple[RunFolder, Config]:
    """A training that was cut off after its second epoch."""
    unet = replace(config, network=replace(config.network, model="unet"))
    run = RunFolder(tmp_path / "run")
    with pytest.raises(CutOff):
        execute("tune", unet, run, Reports(2))
    return run, unet


def test_a_checkpoint_that_holds_code_is_refused_and_does_not_run_it(
    cut_off: tuple[RunFolder, Config], tmp_path: Path
) -> None:
    run, config = cut_off
    file = checkpoint_path(run.path, "tune")
    state = torch.load(file, weights_only=True)
    torch.save(state | {"callbacks": {"EpochReport": Touch(tmp_path / "touched")}}, file)
    with pytest.raises(InputError, match=f"{file}: cannot be read: .* more than tensors, numbers and text; remove"):
        execute("tune", config, run, Channel())
    assert not (tmp_path / "touched").exists()
    torch.load(file, weights_only=False)
    assert (tmp_path / "touched").exists()  # so the file was dangerous


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_checkpoint_that_is_cut_off_is_named_and_the_training_starts_without_it(
    cut_off: tuple[RunFolder, Config], share: float
) -> None:
    run, config = cut_off
    file = checkpoint_path(run.path, "tune")
    file.write_bytes(file.read_bytes()[: int(share * file.stat().st_size)])
    with pytest.raises(InputError, match=f"{file}: cannot be read"):
        execute("tune", config, run, Channel())
    file.unlink()
    execute("tune", config, run, Channel())
    assert [row["epoch"] for row in run.metrics] == [0, 1, 2]


def test_a_file_that_is_no_checkpoint_is_named(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(1)}, tmp_path / "weights.pt")
    with pytest.raises(InputError, match="is not a checkpoint of a training: callbacks, epoch"):
        WholeFiles().load_checkpoint(tmp_path / "weights.pt")


@pytest.mark.parametrize("left", [b'{"phase": "tune", "epo', b"\x00\xff\x00", b'{"phase": "tune", "epoch": 2}'])
def test_a_line_of_metrics_that_was_cut_off_does_not_count(cut_off: tuple[RunFolder, Config], left: bytes) -> None:
    run, config = cut_off
    with (run.path / "metrics.jsonl").open("ab") as file:
        file.write(left)
    execute("tune", config, run, Channel())
    assert [row["epoch"] for row in run.metrics] == [0, 1, 2]


def test_a_broken_line_in_the_middle_of_metrics_is_named(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"epoch": 0}\nrubbish\n{"epoch": 2}\n')
    with pytest.raises(InputError, match=r"metrics\.jsonl, line 2: not JSON"):
        _ = RunFolder(tmp_path).metrics


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_the_command_with_its_status_and_a_hint(
    preset: Path, tmp_path: Path, number: signal.Signals, status: int
) -> None:
    run = RunFolder(tmp_path / "run")
    words = ["tune", "-p", str(preset), "--run", str(run.path), "--set", "network.model=unet"]
    command = [sys.executable, "-m", "trials.cli", *words, "--set", "tune.epochs=10000"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background ignores it
    )
    while not checkpoint_path(run.path, "tune").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    try:
        _, said = process.communicate(timeout=300)
    finally:
        process.kill()  # not to be left behind if it does not end
    assert process.returncode == status, said
    assert "the same command goes on from here" in said
    assert "Traceback" not in said
    assert checkpoint_path(run.path, "tune").exists()
    assert not run.finished
    assert json.loads((run.path / "metrics.jsonl").read_text().splitlines()[0])["epoch"] == 0


def like_another_user() -> None:
    """Root gives up to write what it likes (prctl: PR_CAPBSET_DROP, CAP_DAC_OVERRIDE); others cannot anyway."""
    ctypes.CDLL(None).prctl(24, 1, 0, 0, 0)


def test_a_folder_of_another_user_is_named(preset: Path, tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir(mode=0o500)
    run = tmp_path / "theirs" / "run"
    words = ["tune", "-p", str(preset), "--run", str(run), "--set", "network.model=unet"]
    done = subprocess.run(
        [sys.executable, "-m", "trials.cli", *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        preexec_fn=like_another_user,
    )
    told = f"error: {run}: cannot be written: Permission denied; give another place\n"
    assert (done.returncode, done.stderr) == (2, told)
