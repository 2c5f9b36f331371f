import shutil
from dataclasses import replace
from types import SimpleNamespace

from compressors.bundles.bundle import load_bundle
from search_spaces.config import Network, Stack
from trials.prediction import bench_model
from trials.prediction.bench_model import bench, compare_bundles, untrained


def test_bundles_are_measured_side_by_side(tiny_bundle, tmp_path):
    folders = {"one": tiny_bundle, "two": shutil.copytree(tiny_bundle, tmp_path / "two")}
    rows = compare_bundles(folders, rounds=2)
    assert [row["model"] for row in rows] == ["one", "two"]
    for row in rows:
        assert len(row["latency_ms_1_each"]) == len(row["latency_ms_2_each"]) == 2
        assert min(row["latency_ms_1"], row["latency_ms_2"], row["models_per_s"]) > 0
        assert 10 < row["memory_mb"] < 2000
        assert row["parameters"] >= row["nonzero"] > 100


def test_the_big_networks_are_made_for_the_survey_of_the_bundle(tiny_bundle, monkeypatch):
    monkeypatch.setattr(bench_model, "BIG", {"UNet": Network(model="unet", width=8, depth=2)})
    small, big = bench(tiny_bundle, rounds=1)
    assert (small["model"], big["model"]) == ("untrained", "UNet")
    assert big["parameters"] > small["parameters"]


def test_the_big_networks_stand_behind_the_whole_front_of_the_bundle(tiny_bundle, tmp_path, monkeypatch):
    contents = load_bundle(tiny_bundle).contents
    coarse = replace(contents, network=replace(contents.network, front=Stack(fold=2, group=1, coarse=True)))
    written = []
    monkeypatch.setattr(bench_model, "load_bundle", lambda _: SimpleNamespace(contents=coarse))
    monkeypatch.setattr(bench_model, "write_bundle", lambda *_, spec, **__: written.append(spec))
    untrained(tiny_bundle, Network(model="unet", width=8, depth=2), tmp_path)
    assert written == [Network(front=coarse.network.front, model="unet", width=8, depth=2)]
