"""The training recipe: what a training leaves, when it ends, how it goes on after an interruption, its teacher."""

import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
import yaml

from datagen.errors import InputError
from trials.running.channel import Channel
from trials.running.run_folder import RunFolder
from trials.settings.config import Config, load
from trials.stages.execute import execute
from trials.training.budget import TimeBudget
from trials.training.precision import fast_in_bfloat16, precision, safe_in_bfloat16

TINY = {
    "name": "tiny",
    "network": {"model": "unet", "depth": 2, "width": 4},
    "training": {"batch_size": 4},
    "tune": {"epochs": 3},
}


@pytest.fixture(scope="module")
def preset(tiny_data, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    file = folder / "tiny.yml"
    file.write_text(yaml.safe_dump(TINY | {"data": tiny_data}))
    return file


@pytest.fixture(scope="module")
def config(preset) -> Config:
    return load(preset)


@pytest.fixture(scope="module")
def whole(config, tmp_path_factory) -> RunFolder:
    """A training without interruption."""
    run = RunFolder(tmp_path_factory.mktemp("whole"))
    execute("tune", config, run, Channel())
    return run


class Interrupting(Channel):
    """Ctrl-C in the report of an epoch."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self.epoch = epoch

    def intermediate(self, metrics):
        if self.epoch == 0:
            raise KeyboardInterrupt
        self.epoch -= 1


def assert_same(run: RunFolder, other: RunFolder) -> None:
    assert run.result["ssim"] == pytest.approx(other.result["ssim"], abs=1e-5)
    theirs = other.load_weights()
    for name, weight in run.load_weights().items():
        torch.testing.assert_close(weight, theirs[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("epoch", [1, 2])
def test_an_interrupted_training_ends_like_an_uninterrupted_one(config, whole, tmp_path, epoch):
    run = RunFolder(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        execute("tune", config, run, Interrupting(epoch))
    assert not run.finished
    execute("tune", config, run, Channel())
    assert_same(run, whole)
    assert [row["epoch"] for row in run.metrics][-1] == 2


def test_a_training_killed_after_its_last_epoch_leaves_the_average_too(config, whole, tmp_path, monkeypatch):
    run = RunFolder(tmp_path)
    monkeypatch.setattr("trials.stages.train.measures", lambda *_: sys.exit("killed"))
    with pytest.raises(SystemExit):
        execute("tune", config, run, Channel())
    assert (run.path / "tune-checkpoint.ckpt").exists()
    monkeypatch.undo()
    execute("tune", config, run, Channel())
    assert_same(run, whole)


def test_where_no_terminal_is_there_is_a_line_an_epoch(config, tmp_path, capsys):
    short = replace(config, tune=replace(config.tune, epochs=2))
    execute("tune", short, RunFolder(tmp_path), Channel())
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("tune: ")]
    assert [line[:20] for line in lines] == ["tune: epoch 1 of 2, ", "tune: epoch 2 of 2, "]
    score = RunFolder(tmp_path).metrics[1]["val_ssim"]
    assert f", val_ssim {score:.4f}" in lines[1]


def test_the_terms_of_the_loss_are_logged_one_by_one(config, tmp_path):
    wanted = replace(config, loss=replace(config.loss, l1=0.1, geology=0.1, gradient=0.1, ms_ssim=0.1))
    run = RunFolder(tmp_path)
    execute("tune", wanted, run, Channel())
    for name in ("l1", "l2", "geology", "gradient", "ssim", "ms_ssim", "loss"):
        assert run.metrics[0][f"train_{name}"] > 0


@pytest.mark.parametrize("interrupted", [False, True])
def test_a_training_by_time_ends_when_its_time_is_used_up(config, tmp_path, monkeypatch, interrupted):
    steps = iter(range(10_000))
    budget = partial(TimeBudget, clock=lambda: 6.0 * next(steps))
    monkeypatch.setattr("trials.training.fit.TimeBudget", budget)
    run, wanted = RunFolder(tmp_path), replace(config, tune=replace(config.tune, minutes=1.0, epochs=1))
    if interrupted:
        with pytest.raises(KeyboardInterrupt):
            execute("tune", wanted, run, Interrupting(1))  # goes on from the end of epoch 0
    execute("tune", wanted, run, Channel())
    # The clock is read at the start and after each of the 4 steps of an epoch, 6 s apart: 10 steps are a minute.
    assert [row["epoch"] for row in run.metrics] == [0, 1, 2]
    assert run.finished


def test_without_a_moving_average_the_weights_themselves_are_left(config, whole, tmp_path):
    run = RunFolder(tmp_path)
    execute("tune", replace(config, training=replace(config.training, ema=0.0)), run, Channel())
    averaged = whole.load_weights()
    assert any(not torch.allclose(weight, averaged[name]) for name, weight in run.load_weights().items())


def test_with_patience_a_training_stops_that_gets_no_better(config, tmp_path):
    run = RunFolder(tmp_path)
    training = replace(config.training, patience=1, ema=0.0, mirror=False)
    tune = replace(config.tune, epochs=20, learning_rate=1e-12)
    execute("tune", replace(config, training=training, tune=tune), run, Channel())
    assert len(run.metrics) < 20


def test_a_network_learns_from_its_teacher(config, whole, tmp_path):
    """With the teacher's image as all but the whole loss, the pupil comes nearer to it than to the target."""
    loss = replace(config.loss, l2=1e-6, ssim=0.0, distil=1.0)
    training, tune = replace(config.training, teacher=str(whole.path)), replace(config.tune, epochs=10)
    run = RunFolder(tmp_path)
    execute("tune", replace(config, loss=loss, training=training, tune=tune), run, Channel())
    distances = [row["train_distil"] for row in run.metrics]
    assert distances[-1] < 0.5 * distances[0]
    assert distances[-1] < run.metrics[-1]["train_l2"]


def test_a_teacher_of_other_data_or_another_target_is_refused(config, whole, tmp_path):
    loss, training = replace(config.loss, distil=1.0), replace(config.training, teacher=str(whole.path))
    wanted = replace(config, loss=loss, training=training)
    with pytest.raises(InputError, match="its target is rtm"):
        execute("tune", replace(wanted, target="velocity"), RunFolder(tmp_path / "run"), Channel())
    missing = replace(wanted, training=replace(training, teacher=str(tmp_path / "none")))
    with pytest.raises(InputError, match="did not finish"):
        execute("tune", missing, RunFolder(tmp_path / "run"), Channel())
    other = tmp_path / "other"
    shutil.copytree(whole.path, other)
    tree = yaml.safe_load((other / "config.yml").read_text())
    tree["data"]["geology"]["faults"] = [0, 1]
    (other / "config.yml").write_text(yaml.safe_dump(tree))
    strange = replace(wanted, training=replace(training, teacher=str(other)))
    with pytest.raises(InputError, match="trained on other data"):
        execute("tune", strange, RunFolder(tmp_path / "run"), Channel())


def test_a_teacher_and_its_weight_need_each_other(preset):
    with pytest.raises(InputError, match="need each other"):
        load(preset, {"loss.distil": 1.0})
    with pytest.raises(InputError, match="need each other"):
        load(preset, {"training.teacher": "runs/unet"})


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """One with instructions for bfloat16, or without."""

    def become(fast: bool) -> None:
        monkeypatch.setattr("trials.training.precision.fast_in_bfloat16", lambda device: fast)

    return become


@pytest.mark.parametrize(("fast", "mixed"), [(True, "bf16-mixed"), (False, "32-true")])
def test_precision_is_full_on_cpus_unless_asked_and_fast(config, machine, fast, mixed) -> None:
    machine(fast)
    assert precision(config, gpu=False) == "32-true"
    assert precision(replace(config, precision="mixed"), gpu=False) == mixed
    assert precision(replace(config, precision="full"), gpu=False) == "32-true"


@pytest.mark.parametrize(("fast", "mixed"), [(True, "bf16-mixed"), (False, "16-mixed")])
def test_precision_is_mixed_on_gpus_unless_asked(config, machine, fast, mixed) -> None:
    machine(fast)
    assert precision(config, gpu=True) == precision(replace(config, precision="mixed"), gpu=True) == mixed
    assert precision(replace(config, precision="full"), gpu=True) == "32-true"


@pytest.mark.parametrize(
    ("flags", "fast"), [("fma avx2 avx512f", False), ("avx512f avx512_bf16", True), ("amx_bf16 amx_tile", True)]
)
def test_a_cpu_is_fast_in_bfloat16_if_it_has_instructions_for_it(monkeypatch, flags, fast) -> None:
    monkeypatch.setattr(Path, "read_text", lambda file: f"flags\t\t: fpu {flags}\nbugs\t\t: none\n")
    assert fast_in_bfloat16.__wrapped__(torch.device("cpu")) is fast


def test_a_system_that_does_not_list_its_cpus_instructions_trains_in_full_precision(monkeypatch) -> None:
    def missing(file: Path) -> str:
        raise FileNotFoundError(file)

    monkeypatch.setattr(Path, "read_text", missing)
    assert not fast_in_bfloat16.__wrapped__(torch.device("cpu"))


@pytest.mark.parametrize("channels", [16, 24, 20])
def test_dilated_convolutions_that_this_cpu_gets_wrong_are_trained_in_full_precision(
    config, machine, monkeypatch, channels
) -> None:
    machine(True)
    network = torch.nn.Sequential(torch.nn.Conv2d(8, 8, 3), torch.nn.Conv2d(channels, 4, 3, dilation=2))
    mixed = replace(config, precision="mixed")
    assert (precision(mixed, False, network) == "bf16-mixed") is safe_in_bfloat16(network)
    right = torch.nn.Conv2d.forward

    def broken(convolution, x):
        return right(convolution, x) * (float("nan") if torch.is_autocast_enabled("cpu") else 1.0)

    monkeypatch.setattr(torch.nn.Conv2d, "forward", broken)
    assert precision(mixed, False, network) == "32-true"
    assert precision(mixed, False, network[:1]) == "bf16-mixed"
