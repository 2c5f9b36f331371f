"""How long a stage will still take."""

import pytest

from trials.results.page.time_left import Timed, seconds_left


def ended(seconds: float) -> Timed:
    return Timed(seconds=seconds, running=False)


def running(seconds: float, share: float | None = None) -> Timed:
    return Timed(seconds=seconds, running=True, share=share)


@pytest.mark.parametrize(
    ("trials", "to_come", "at_a_time", "left"),
    [
        ([ended(100.0), ended(120.0), ended(110.0), running(50.0)], 0, 2, 60.0),  # 110 s is the median
        ([ended(100.0), running(40.0), running(40.0)], 4, 2, 260.0),
        ([ended(100.0), running(500.0)], 1, 1, 100.0),  # slower than the others: nobody knows how long yet
        ([running(30.0, share=0.25)], 1, 1, 210.0),  # from its epochs
        ([running(30.0, share=0.25)], 1, 2, 105.0),
        ([running(30.0)], 1, 1, None),
        ([], 2, 1, None),
        ([ended(100.0)], 0, 1, 0.0),
    ],
)
def test_time_left(trials: list[Timed], to_come: int, at_a_time: int, left: float | None) -> None:
    assert seconds_left(trials, to_come, at_a_time) == left
