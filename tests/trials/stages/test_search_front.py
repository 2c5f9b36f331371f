"""A search's front is written as a file and a picture, and a point of it is taken by limits."""

import pytest

from datagen.errors import InputError
from trials.stages.search_front import cells_within, write_front

ROWS = [
    {"genotype": "large", "quality": 0.6, "parameters": 600_000, "latency_ms": 8.0},
    {"genotype": "fast", "quality": 0.5, "parameters": 300_000, "latency_ms": 3.0},
    {"genotype": "small", "quality": 0.45, "parameters": 90_000, "latency_ms": 4.0},
]


@pytest.mark.parametrize(
    ("max_params", "max_latency", "wanted"),
    [(None, 9.0, "large"), (None, 5.0, "fast"), (100_000, None, "small"), (400_000, 5.0, "fast")],
)
def test_the_best_within_the_limits_is_taken(tmp_path, max_params, max_latency, wanted):
    write_front(tmp_path, ROWS, "SSIM")
    assert (tmp_path / "pareto.png").stat().st_size > 5_000
    assert cells_within(tmp_path, max_params, max_latency) == wanted


def test_limits_that_nothing_keeps_are_told_with_the_front(tmp_path):
    write_front(tmp_path, ROWS, "SSIM")
    with pytest.raises(InputError, match=r"(?s)--max-latency.*SSIM 0\.5000, 300000 non-zero parameters, 3\.0 ms"):
        cells_within(tmp_path, None, 1.0)


def test_a_search_without_a_front_is_told(tmp_path):
    with pytest.raises(InputError, match=r"has no pareto\.json.*search\.strategy archai"):
        cells_within(tmp_path, None, 1.0)


@pytest.mark.parametrize(
    "content", ["{}", '{"a": 1}', "[1]", '[{"quality": "much"}]', '[{"quality": 1, "parameters": 1, "latency_ms": 1}]']
)
def test_a_damaged_front_is_told(tmp_path, content):
    (tmp_path / "pareto.json").write_text(content)
    with pytest.raises(InputError, match=r"pareto\.json"):
        cells_within(tmp_path, None, 9.0)
