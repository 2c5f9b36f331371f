"""The stages one after the other on a tiny data set that the wave equation made."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import save_file

from compressors.bundles.bundle import load_bundle
from compressors.level import measure_sparsity
from datagen.errors import InputError
from search_spaces.build import build
from search_spaces.fronts.survey_front import make_front
from search_spaces.genotype import Genotype, skip_share
from search_spaces.shape import Shape
from search_spaces.size import nasunet_parameters
from trials.results.export import describe, export
from trials.running.channel import Channel
from trials.running.run_folder import RunFolder
from trials.settings.config import Config, load
from trials.stages.execute import execute
from trials.stages.one_shot import find_genotype
from trials.training.fit import evaluate
from trials.training.losses import TERMS
from trials.training.module import Diverged
from trials.training.networks import geometry, trained, with_genotype

TINY = {
    "name": "tiny",
    "network": {"depth": 2, "width": 4, "nodes": 1, "operations": "small", "max_parameters": 8000},
    "search": {"strategy": "parsec", "samples": 16, "epochs": 2, "retrain_epochs": 1},
    "training": {"batch_size": 8},
    "tune": {"epochs": 2},
    "compress": {"epochs": 1},
}


class Recorder(Channel):
    """Keeps what would go to NNI."""

    def __init__(self):
        super().__init__()
        self.intermediates, self.finals = [], []

    def intermediate(self, metrics):
        self.intermediates.append(metrics)

    def final(self, metrics):
        self.finals.append(metrics)


@pytest.fixture(scope="module")
def config(tiny_data, tmp_path_factory) -> Config:
    folder = tmp_path_factory.mktemp("tiny")
    tree = TINY | {"data": tiny_data}
    (folder / "tiny.yml").write_text(yaml.safe_dump(tree))
    return load(folder / "tiny.yml")


@pytest.fixture(scope="module")
def searched(config, tmp_path_factory):
    run, channel = RunFolder(tmp_path_factory.mktemp("search")), Recorder()
    execute("search", config, run, channel, parameters={"stage": {"_name": "search"}})
    return run, channel


@pytest.fixture(scope="module")
def tuned(config, searched, tmp_path_factory):
    genotype = Genotype.from_json(searched[0].result["genotype"])
    run, channel = RunFolder(tmp_path_factory.mktemp("tune")), Recorder()
    execute("tune", with_genotype(config, genotype), run, channel)
    return run, channel


@pytest.fixture(scope="module")
def compressed(tuned, tmp_path_factory):
    run, channel = RunFolder(tmp_path_factory.mktemp("compress")), Recorder()
    source = tuned[0]
    wanted = replace(source.config, compress=replace(source.config.compress, sparsity=0.7, schedule="gradual", steps=2))
    execute("compress", wanted, run, channel, source=source)
    return run, channel


def test_a_search_ends_with_a_genotype_and_its_score(searched):
    run, channel = searched
    genotype = Genotype.from_json((run.path / "genotype.json").read_text())
    assert genotype.to_json() == run.result["genotype"]
    assert (run.path / "cells.svg").exists()
    assert channel.finals == [run.result]
    assert channel.finals[0]["default"] == channel.finals[0]["ssim"]


def test_every_epoch_of_a_search_is_reported_with_the_share_of_skips(searched):
    run, channel = searched
    phases = [row["phase"] for row in run.metrics]
    assert phases == ["supernet", "supernet", "retrain"]
    assert len(channel.intermediates) == 3
    assert all(0 <= row["skip_share"] <= 1 for row in run.metrics[:2])


def test_a_search_started_again_does_not_search_twice(config, searched, monkeypatch):
    monkeypatch.setattr("trials.stages.one_shot.find_genotype", lambda *_: pytest.fail("searched again"))
    before = searched[0].result["genotype"]
    execute("search", config, searched[0], Recorder(), parameters={"stage": {"_name": "search"}})
    assert searched[0].result["genotype"] == before


@pytest.mark.parametrize("strategy", ["darts", "gumbel", "one_path", "random"])
def test_the_other_strategies_find_genotypes_too(config, tmp_path, strategy):
    wanted = replace(config, search=replace(config.search, strategy=strategy))
    result = execute("search", wanted, RunFolder(tmp_path), Recorder())
    assert Genotype.from_json(result["genotype"]).depth == config.network.depth


@pytest.mark.parametrize("strategy", ["darts", "parsec", "random"])
def test_what_a_search_finds_is_as_large_as_the_limit_allows(config, tmp_path, strategy):
    network = replace(config.network, max_parameters=20_000)
    search = replace(config.search, strategy=strategy, epochs=1, warmup_epochs=0)
    found = find_genotype(replace(config, network=network, search=search), RunFolder(tmp_path), Recorder())
    fronts = (make_front(network, Shape.of(config.data), 1.0),)
    assert (
        nasunet_parameters(found, fronts) <= 20_000 < nasunet_parameters(replace(found, width=found.width + 2), fronts)
    )


def test_a_supernet_of_half_the_channels_finds_a_genotype(config, tmp_path):
    remedies = {"strategy": "darts", "width": 4, "partial_channels": 2, "stop_skip_share": 0.01}
    wide = replace(config, network=replace(config.network, width=8), search=replace(config.search, **remedies))
    found = find_genotype(wide, RunFolder(tmp_path), Recorder())
    assert skip_share(found) <= 0.5


@pytest.mark.parametrize(
    ("shares", "kept"),
    [([0.9, 0.1, 0.2, 0.9], 2), ([0.9, 0.9], 1)],  # the first epoch warms up: its cells are noise
    ids=["later", "at once"],
)
def test_a_search_ends_before_skips_are_too_large_a_share(config, tmp_path, monkeypatch, shares, kept):
    seen = []
    monkeypatch.setattr("trials.stages.one_shot.skip_share", lambda cells: seen.append(cells) or shares[len(seen) - 1])
    run = RunFolder(tmp_path)
    search = replace(config.search, epochs=6, warmup_epochs=1, stop_skip_share=0.5, strategy="darts")
    found = find_genotype(replace(config, search=search), run, Recorder())
    assert [row["skip_share"] for row in run.metrics] == shares
    assert replace(found, width=seen[kept].width) == seen[kept]


def test_a_tuned_network_is_what_its_result_says(tuned):
    run, channel = tuned
    scores = evaluate(trained(run), run.config, "validation")
    assert scores["ssim"] == pytest.approx(run.result["ssim"], abs=1e-5)
    assert channel.finals[0]["run"] == str(run.path)
    assert [row["default"] for row in channel.intermediates] == [row["val_ssim"] for row in run.metrics]


def test_an_export_tells_which_run_it_is_and_how_good_beside_zeros(tuned, monkeypatch):
    run, _ = tuned
    good = run.result | {"ssim": 0.5, "blank_ssim": 0.17, "correlation": 0.8}
    monkeypatch.setattr(RunFolder, "result", good)
    assert describe(run).startswith(f"tune of {run.config.name}, {run.path.name}: {run.result['nonzero']:,} of ")
    assert "validation SSIM 0.500 (an image of zeros 0.170, correlation 0.80); scored" in describe(run)
    monkeypatch.setattr(RunFolder, "result", good | {"ssim": 0.045})
    assert "SSIM 0.045 (an image of zeros 0.170, correlation 0.80); no better than zeros: train it longer" in describe(
        run
    )


def test_a_run_tells_what_it_was_asked_and_where_it_came_from(tuned):
    provenance = tuned[0].provenance
    assert provenance["seed"] == tuned[0].config.seed
    assert provenance["versions"]["nni"] == "3.0"
    assert (tuned[0].path / "tensorboard" / "tune").is_dir()
    assert not list(tuned[0].path.glob("*.ckpt"))


def test_a_compressed_network_keeps_its_zeros(compressed):
    run, channel = compressed
    assert measure_sparsity(trained(run)) == pytest.approx(0.7, abs=1e-3)
    assert [row["phase"] for row in run.metrics] == ["compress-1", "compress-2"]
    assert channel.finals[0]["nonzero"] < channel.finals[0]["parameters"]


def test_a_compressed_network_pays_for_its_size(compressed):
    run, _ = compressed
    result, weight = run.result, run.config.compress.size_weight
    assert result["default"] == pytest.approx(result["ssim"] - weight * result["nonzero"] / result["dense_parameters"])
    assert result["dense_parameters"] == result["parameters"]
    assert result["dense_ssim"] > 0


def test_a_network_loses_channels_and_learns_from_the_dense_one(tuned, tmp_path):
    source = tuned[0]
    recipe = replace(source.config.compress, pruner="channel", sparsity=0.5, schedule="gradual", steps=2, distil=1.0)
    torch.manual_seed(0)
    wide = replace(source.config, network=replace(source.config.network, width=16, model="unet", genotype=None))
    execute("tune", wide, RunFolder(tmp_path / "wide"), Recorder())
    run = RunFolder(tmp_path / "narrow")
    result = execute("compress", replace(wide, compress=recipe), run, Recorder(), source=RunFolder(tmp_path / "wide"))
    assert result["parameters"] < 0.6 * result["dense_parameters"]
    assert all(row["train_distil"] > 0 for row in run.metrics)
    bundle = load_bundle(export(run, tmp_path / "bundle"))
    assert bundle.network.head.in_channels == 8
    assert bundle.contents.scores["ssim"] == pytest.approx(evaluate(trained(run), run.config, "test")["ssim"], abs=1e-5)


def test_the_exported_bundle_is_the_compressed_network_scored_on_the_test_split(compressed, tmp_path):
    run, _ = compressed
    bundle = load_bundle(export(run, tmp_path / "bundle"))
    shots = torch.randn(1, 2, 240, 24) * bundle.contents.statistics.shot_scale
    assert torch.equal(bundle.network(shots), trained(run)(shots))
    test = evaluate(bundle.network, run.config, "test")
    assert bundle.contents.scores["ssim"] == pytest.approx(test["ssim"], abs=1e-5)


def test_the_unet_goes_the_same_way(config, tmp_path):
    wanted = replace(config, network=replace(config.network, model="unet"))
    result = execute("tune", wanted, RunFolder(tmp_path), Recorder())
    assert "genotype" not in result
    assert result["parameters"] > 0


def test_tune_starts_from_the_encoder_weights_of_the_configuration(config, tmp_path, monkeypatch):
    network = replace(config.network, model="unet", encoder_init=str(tmp_path / "encoder.safetensors"))
    other = build(network, *geometry(config))
    save_file(other.state_dict(), tmp_path / "encoder.safetensors")

    class Starts(Exception):
        pass

    def stop(network, *_, **__):
        raise Starts(network)

    monkeypatch.setattr("trials.stages.train.fit", stop)
    with pytest.raises(Starts) as caught:
        execute("tune", replace(config, network=network), RunFolder(tmp_path / "run"), Recorder())
    (starting,) = caught.value.args
    assert torch.equal(starting.encoder.levels[0][0].weight, other.encoder.levels[0][0].weight)


def test_a_training_that_diverges_fails_with_the_term_and_the_epoch(config, tmp_path, monkeypatch):
    monkeypatch.setitem(TERMS, "l2", lambda p, t: (p - t).sum() * float("nan"))
    wanted = replace(config, network=replace(config.network, model="unet"))
    with pytest.raises(Diverged, match=r"loss term l2 is nan in epoch 0; lower tune.learning_rate"):
        execute("tune", wanted, RunFolder(tmp_path), Recorder())
    assert not (tmp_path / "result.json").exists()


def test_compress_without_a_source_is_refused(config, tmp_path):
    with pytest.raises(InputError, match="finished tune run"):
        execute("compress", config, RunFolder(tmp_path), Recorder())


def test_compress_from_a_run_that_did_not_finish_is_refused(config, tmp_path):
    with pytest.raises(InputError, match="did not finish"):
        execute("compress", config, RunFolder(tmp_path / "new"), Recorder(), source=RunFolder(tmp_path))


def test_a_data_set_of_another_recipe_is_refused(config, tmp_path):
    other = replace(config, data=replace(config.data, seed=6))
    with pytest.raises(InputError, match="seed"):
        execute("tune", other, RunFolder(tmp_path), Recorder())


def test_results_are_json(searched, tuned, compressed):
    for run, _ in (searched, tuned, compressed):
        text = (Path(run.path) / "result.json").read_text()
        assert json.loads(text) == run.result
