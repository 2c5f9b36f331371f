"""What of a configuration makes a run: what its stage reads, and nothing else."""

from pathlib import Path

import pytest

from trials.running.identity import READ, Stage, differences, facts
from trials.running.run_folder import RunFolder
from trials.settings.config import Config, load

QUICKSTART = Path(__file__).parents[3] / "presets" / "quickstart.yml"


@pytest.fixture(scope="module")
def config() -> Config:
    return load(QUICKSTART)


@pytest.mark.parametrize("stage", READ)
def test_every_path_that_a_stage_reads_is_in_the_configuration(config: Config, stage: Stage) -> None:
    known = facts(config, stage)
    for path in READ[stage]:
        assert any(name == path or name.startswith(f"{path}.") for name in known), path


@pytest.mark.parametrize(
    ("path", "value", "readers"),
    [
        ("seed", 7, {"pretrain", "search", "tune", "compress"}),
        ("data.seed", 7, {"pretrain", "search", "tune", "compress"}),
        ("network.width", 20, {"pretrain", "search", "tune", "compress"}),
        ("training.weight_decay", 0.5, {"search", "tune", "compress"}),
        ("training.given.share", 0.5, {"search", "tune", "compress"}),
        ("loss.ssim", 0.5, {"search", "tune", "compress"}),
        ("velocity_loss.l1", 0.5, {"search", "tune", "compress"}),
        ("search.samples", 32, {"search"}),
        ("tune.learning_rate", 0.5, {"search", "tune"}),
        ("tune.epochs", 99, {"tune"}),
        ("compress.sparsity", 0.1, {"compress"}),
        ("pretrain.latent", 8, {"pretrain"}),
        ("baseline.width", 20, set()),
        ("compare.seeds", 9, set()),
    ],
)
def test_a_setting_makes_another_run_of_the_stages_that_read_it(
    config: Config, path: str, value: object, readers: set[str]
) -> None:
    other = load(QUICKSTART, {path: value})
    for stage in READ:
        assert differences(config, other, stage) == ([path] if stage in readers else []), stage


def test_what_a_compress_run_finds_out_itself_does_not_make_it_another_run(config: Config) -> None:
    distil = {"compress.distil": 1.0, "loss.distil": 1.0}
    asked = load(QUICKSTART, distil, {"training.teacher": "runs/a"})
    ended = load(QUICKSTART, distil, {"training.teacher": "runs/b", "network.channels": "{}"})
    assert differences(asked, ended, "compress") == []


def test_a_checkpoint_survives_settings_that_its_stage_does_not_read(config: Config, tmp_path: Path) -> None:
    run, checkpoint = RunFolder(tmp_path), tmp_path / "pretrain-checkpoint.ckpt"
    run.start(config, "pretrain")
    checkpoint.touch()
    run.start(load(QUICKSTART, {"tune.epochs": 99}), "pretrain")
    assert checkpoint.exists()
    run.start(load(QUICKSTART, {"pretrain.latent": 8}), "pretrain")
    assert not checkpoint.exists()
