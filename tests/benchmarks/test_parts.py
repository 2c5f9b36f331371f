"""Parts of a network in its graph, and the table of their times in miniature."""

import json
from pathlib import Path
from typing import Any

import bench_parts
import numpy as np
import onnx
import pytest
from lib import record
from lib.graph_parts import PARTS, open_graph, parts_of_nodes, tapped_graph

from compressors.bundles.untrained import untrained_bundle
from compressors.graphs.runner import Imager
from search_spaces.config import Migrate, Network
from tests.benchmarks.tiny import small_weights, tiny_preset
from trials.settings.config import load

TINY = Network(model="unet", depth=2, width=4, front=Migrate())


def test_each_part_has_an_output_and_every_node_a_part(tmp_path: Path) -> None:
    data = load(tiny_preset(tmp_path)).data
    bundle = untrained_bundle(tmp_path / "tiny", TINY, data, "both")
    shots = np.random.default_rng(0).standard_normal((1, 2, 240, 24)).astype(np.float32)
    graph = tapped_graph(bundle)
    made = open_graph(graph).run(None, {"shots": shots})
    assert len(made) == len(PARTS)
    assert made[2].shape == (1, 1, data.grid.nz, data.grid.nx)  # the first estimate of the velocity
    np.testing.assert_allclose(made[-1], Imager(bundle, 1)(shots), rtol=1e-4, atol=1e-2)
    parts = parts_of_nodes(onnx.load_from_string(graph).graph)
    assert set(parts.values()) == set(range(len(PARTS)))
    assert len(parts) == len(onnx.load_from_string(graph).graph.node)


def test_parts_add_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    for network in bench_parts.NETWORKS:
        monkeypatch.setitem(bench_parts.NETWORKS, network, TINY)
    preset = tiny_preset(tmp_path)
    bench_parts.main(
        rounds=3, preset=preset, weights=small_weights(tmp_path / "weights.safetensors", load(preset).data)
    )
    rows: list[dict[str, Any]] = json.loads((tmp_path / "parts.json").read_text())["rows"]
    for network in ("small", "unet"):
        *parts, total, whole, called = (row for row in rows if row["network"] == network)
        assert [row["part"] for row in parts] == list(PARTS)
        assert sum(row["share_percent"] for row in parts) == pytest.approx(100, abs=0.5)
        assert total["ms"] == pytest.approx(sum(row["ms"] for row in parts), rel=0.1)
        assert min(whole["ms"], called["ms"]) > 0  # so small a network takes less than the profiler
