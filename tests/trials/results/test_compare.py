"""A comparison treats every model alike, resumes, shares its work, and scores on the test split only at the end."""

import json
from dataclasses import replace

import pytest
import yaml
from filelock import FileLock

from datagen.dataset import ShardDataset
from datagen.errors import InputError
from datagen.generate import generate
from trials.results import compare as compare_module
from trials.results.compare import Comparison, compare
from trials.results.compare_table import measure_latency, write_table
from trials.running.channel import Channel
from trials.running.run_folder import RunFolder
from trials.settings.config import load
from trials.stages.execute import execute
from trials.training.fit import evaluate
from trials.training.networks import trained

TINY = {
    "name": "tiny",
    "data": {
        "folder": "data",
        "grid": {"nz": 16, "nx": 16, "spacing": 10.0},
        "survey": {"shots": 2, "receivers": 16, "frequency": 15.0, "interval": 0.001, "samples": 200},
        "split": {"train": 8, "validation": 4, "test": 4},
        "shard_size": 8,
    },
    "network": {"depth": 3, "width": 24, "nodes": 1, "operations": "small", "max_parameters": 100_000},
    "search": {"samples": 8, "epochs": 1, "warmup_epochs": 0, "retrain_epochs": 1, "candidates": 2},
    "training": {"batch_size": 4},
    "tune": {"epochs": 1},
    "baseline": {"width": 4, "depth": 2},
    "compare": {
        "targets": ["rtm"],
        "models": ["nasunet", "random_search", "unet_small", "unet"],
        "seeds": 2,
        "big_seeds": 1,
        "learning_rates": [0.001, 0.01],
        "sweep_epochs": 1,
        "random_draws": 2,
    },
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """(comparison, names of its runs in the order in which they were done)"""
    folder = tmp_path_factory.mktemp("compare")
    (folder / "tiny.yml").write_text(yaml.safe_dump(TINY))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        config = load("tiny.yml")
        generate(config.data, workers=1, progress=False)
        comparison, done = Comparison(config), []
        compare(comparison, done.append)
        yield comparison, done


def test_every_run_is_done_once_and_what_it_needs_before(finished):
    comparison, done = finished
    assert sorted(done) == sorted(comparison.runs)
    for name, job in comparison.runs.items():
        assert all(done.index(need) < done.index(name) for need in job.needs)


def test_trainings_of_the_table_differ_in_nothing_but_network_seed_and_learning_rate(finished):
    comparison, _ = finished
    alike = set()
    for name, job in comparison.runs.items():
        if job.full:
            config = comparison.run(name).config
            assert config.tune.learning_rate in (0.001, 0.01)
            plain = replace(config.tune, learning_rate=1.0)
            alike.add(replace(config, network=comparison.config.network, seed=1, tune=plain))
    assert len(alike) == 1


def test_cells_and_learning_rates_are_found_with_the_first_target_and_kept_for_the_others(finished):
    comparison, _ = finished
    both = Comparison(
        replace(comparison.config, compare=replace(comparison.config.compare, targets=("rtm", "velocity")))
    )
    assert {name.split("/")[0] for name in both.runs if "seed" not in name} == {"rtm"}
    assert "rtm/unet/rate0.01" in both.runs["velocity/unet/seed1"].needs
    assert "rtm/search" in both.runs["velocity/nasunet/seed1"].needs


def test_the_learning_rate_is_the_best_on_validation(finished):
    comparison, _ = finished
    scores = {rate: comparison.run(f"rtm/unet/rate{rate:g}").result["ssim"] for rate in (0.001, 0.01)}
    assert comparison.learning_rate("unet") == max(scores, key=scores.get)


def test_the_small_unet_has_the_size_of_the_searched_network(finished):
    comparison, _ = finished
    sizes = [comparison.run(f"rtm/{model}/seed1").result["parameters"] for model in ("unet_small", "nasunet")]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.02)


def test_searches_and_trainings_never_read_the_test_split(finished, monkeypatch):
    comparison, _ = finished
    seen, made = [], ShardDataset.__init__

    def noted(self, folder, split, *more, **options):
        seen.append(split)
        made(self, folder, split, *more, **options)

    monkeypatch.setattr(ShardDataset, "__init__", noted)
    for name in ("rtm/search", "rtm/nasunet/seed1"):
        job = comparison.runs[name]
        execute(job.stage, comparison.settings(job), RunFolder(comparison.folder / "again" / name), Channel())
    assert set(seen) == {"train", "validation"}


def test_the_table_holds_what_the_runs_scored_on_the_test_split(finished, tmp_path):
    comparison, _ = finished
    write_table(comparison, tmp_path)
    rows = {row["model"]: row for row in json.loads((tmp_path / "compare.json").read_text())["rows"]}
    assert set(rows) == {"nasunet", "random_search", "unet_small", "unet", "zeros"}
    run = comparison.run("rtm/nasunet/seed2")
    assert rows["nasunet"]["ssim_each"][1] == pytest.approx(evaluate(trained(run), run.config, "test")["ssim"])
    assert rows["nasunet"]["seeds"] == 2
    assert rows["nasunet"]["ssim_std"] >= 0
    assert rows["unet"]["ssim_std"] is None  # one seed has no spread
    assert rows["unet"]["flops"] > 0
    page = (tmp_path / "compare.md").read_text()
    assert f"| {rows['unet']['ssim_mean']:.4f} |" in page
    assert (tmp_path / "compare.png").stat().st_size > 5000


def test_latency_is_measured_of_every_model(finished, tmp_path):
    comparison, _ = finished
    measure_latency(comparison)
    write_table(comparison, tmp_path)
    rows = json.loads((tmp_path / "compare.json").read_text())["rows"]
    assert all(row["latency_ms_1"] > 0 and row["latency_ms_2"] > 0 for row in rows if row["model"] != "zeros")


def test_a_run_that_is_missing_is_done_again_and_no_other(finished):
    comparison, _ = finished
    (comparison.run("rtm/unet/seed1").path / "test.json").unlink()
    before = (comparison.run("rtm/unet/seed1").path / "result.json").stat().st_mtime_ns
    done = []
    compare(Comparison(comparison.config), done.append)
    assert done == ["rtm/unet/seed1"]
    assert (comparison.run("rtm/unet/seed1").path / "result.json").stat().st_mtime_ns == before  # not trained again


def test_a_run_of_other_settings_is_not_taken_for_one_of_these(finished):
    comparison, _ = finished
    other = replace(comparison.config, training=replace(comparison.config.training, weight_decay=0.5))
    with pytest.raises(InputError, match=r"search: made with settings other than the preset's; delete the folder"):
        compare(Comparison(other), [].append)


def test_a_run_that_started_from_pretrained_weights_is_known_by_the_file_that_it_read(finished, monkeypatch, tmp_path):
    comparison, _ = finished
    monkeypatch.setattr("trials.training.transferring.transfer.pretrain_folder", lambda *_: tmp_path)
    file = tmp_path / "encoder.safetensors"
    file.touch()
    config = replace(comparison.config, network=replace(comparison.config.network, encoder_init="gan"))
    search = comparison.runs["rtm/search"]
    assert Comparison(config).settings(search).network.encoder_init == str(file)


def test_settings_that_no_run_reads_may_change(finished):
    comparison, _ = finished
    config = comparison.config
    other = replace(config, compress=replace(config.compress, sparsity=0.2), baseline=replace(config.baseline, depth=2))
    done = []
    compare(Comparison(other), done.append)
    assert done == []


def test_a_run_that_another_process_works_on_is_left_to_it(finished, monkeypatch):
    comparison, _ = finished
    run = comparison.run("rtm/unet/seed1")
    (run.path / "test.json").unlink()
    done, naps = [], []
    lock = FileLock(run.path / ".lock")
    lock.acquire()

    def nap(_):
        naps.append(list(done))
        lock.release()

    monkeypatch.setattr(compare_module.time, "sleep", nap)
    compare(Comparison(comparison.config), done.append)
    assert naps == [[]]
    assert done == ["rtm/unet/seed1"]
