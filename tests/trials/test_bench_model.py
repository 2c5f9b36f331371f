import shutil

from search_spaces.config import Network
from trials.prediction import bench_model
from trials.prediction.bench_model import bench, compare_bundles


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
    assert (small["model"], big["model"]) == ("tiny", "UNet")
    assert big["parameters"] > small["parameters"]
