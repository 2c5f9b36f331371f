"""Parts of the migrating network in miniature: each training has what its row says."""

import json
from pathlib import Path

import bench_ablation
import pytest
import torch
from bench_imaging import NETWORKS
from lib import record

from search_spaces.build import build
from search_spaces.networks.migrating import MigratingNetwork
from search_spaces.shape import Shape
from tests.benchmarks.tiny import tiny_data_set, tiny_preset


def test_there_is_a_row_for_each_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    bench_ablation.main(samples=32, models=16, seeds=2, preset=tiny_preset(tmp_path), work=tmp_path / "work")
    rows = json.loads((tmp_path / "ablation.json").read_text())["rows"]
    assert [row["part"] for row in rows] == list(bench_ablation.PARTS)
    assert len({row["rtm_ssim_mean"] for row in rows}) == len(rows)
    assert len({row["rtm_blank_ssim"] for row in rows}) == 1


def test_the_parts_are_what_their_names_say(tmp_path: Path) -> None:
    shape = Shape.of(tiny_data_set(tmp_path / "data"))

    def made(part: str) -> MigratingNetwork:
        torch.manual_seed(0)
        return bench_ablation.with_part(part, build(NETWORKS["small"], shape, 0.1), shape).eval()

    nets = {part: made(part) for part in bench_ablation.PARTS}
    level_BSNG = nets["migrated"].front.level(torch.randn(2, shape.shots, shape.samples, shape.receivers))
    slowest, fastest = nets["migrated"].limits
    velocity_B1ZX = torch.full((2, 1, shape.nz, shape.nx), (slowest + fastest) / 2)
    seen = {part: net.migration(level_BSNG, velocity_B1ZX) for part, net in nets.items()}
    assert not seen["stacks only"].any()
    shots = seen["migrated"]
    torch.testing.assert_close(seen["focusing"][:, : shots.shape[1]], shots)
    short, long = seen["focusing"][:, shots.shape[1] :].chunk(2, dim=1)
    assert not torch.allclose(short, long)
    faster = nets["migrated"].migration(level_BSNG, velocity_B1ZX / bench_ablation.FACTORS[0])
    summed = faster.unflatten(1, (shape.shots, -1)).mean(1) * shape.shots**0.5
    torch.testing.assert_close(short, summed, atol=1e-3, rtol=0)  # times are rounded
    assert nets["two passes"].passes == 2
