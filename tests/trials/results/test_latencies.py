"""Times of networks in ONNX Runtime, once for each shape."""

import json
from dataclasses import replace
from typing import Any

import pytest
import yaml

from tests.trials.test_stages import TINY
from trials.results import latencies
from trials.results.latencies import measured_latencies
from trials.running.channel import Channel
from trials.running.run_folder import RunFolder
from trials.settings.config import load
from trials.stages.execute import execute


def test_networks_of_one_shape_share_a_time_that_is_measured_once(
    tiny_data: dict[str, Any], tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "tiny.yml"
    file.write_text(yaml.safe_dump(TINY | {"tune": {"epochs": 1}, "data": tiny_data}))
    config = load(file, {"network.model": "unet"})
    wide = replace(config, network=replace(config.network, width=8))
    runs = []
    for name, settings in (("one", config), ("other", replace(config, seed=2)), ("wide", wide)):
        runs.append(RunFolder(tmp_path / name))
        execute("tune", settings, runs[-1], Channel())
    one, other, wider = measured_latencies(runs)
    assert 0 < one == other != wider
    assert json.loads((runs[0].path / "latency.json").read_text()) == {"onnx_runtime_1_thread_ms": one}
    monkeypatch.setattr(latencies, "_timed", lambda runs: pytest.fail("measured again"))
    assert measured_latencies(runs) == [one, other, wider]
