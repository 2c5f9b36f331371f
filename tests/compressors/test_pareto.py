import pytest

from compressors.pareto import Point, choose, front
from datagen.errors import InputError


def point(name: str, ssim: float, nonzero: int, latency: float, score: float = 0.0) -> Point:
    return Point(name=name, ssim=ssim, nonzero=nonzero, latency_ms=latency, score=score)


POINTS = [
    point("large", 0.9, 1000, 10.0, 0.80),
    point("small", 0.85, 200, 10.1, 0.84),
    point("fast", 0.84, 400, 5.0, 0.82),
    point("beaten", 0.84, 300, 10.0, 0.99),
]


def test_what_another_beats_in_all_three_is_not_on_the_front():
    assert [each.name for each in front(POINTS)] == ["small", "fast", "large"]


def test_noise_of_the_latency_puts_nothing_on_the_front():
    assert [each.name for each in front([point("a", 0.9, 10, 5.0), point("b", 0.9, 11, 4.99)])] == ["a"]


def test_equal_networks_do_not_beat_each_other():
    assert len(front([point("a", 0.9, 10, 5.0), point("b", 0.9, 10, 5.0)])) == 2


@pytest.mark.parametrize(
    ("limits", "name"),
    [
        ({}, "small"),
        ({"max_params": 500}, "small"),
        ({"max_params": 5000}, "large"),
        ({"max_latency": 6.0}, "fast"),
        ({"min_ssim": 0.88}, "large"),
        ({"min_ssim": 0.8}, "small"),
        ({"min_ssim": 0.8, "max_latency": 6.0}, "fast"),
    ],
)
def test_limits_choose_a_point_of_the_front(limits, name):
    assert choose(POINTS, **limits).name == name


def test_limits_that_nothing_keeps_to_list_the_front():
    with pytest.raises(InputError, match=r"fast: SSIM 0\.8400, 400 non-zero"):
        choose(POINTS, min_ssim=0.95)
