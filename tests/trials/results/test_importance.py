"""What mattered is found again in scores that were made with known settings."""

import numpy as np
import pytest

from trials.results.report.importance import FEWEST, chance, importances

RNG = np.random.default_rng(4)
RATES = RNG.uniform(1e-3, 1e-1, 40)
KINDS = RNG.choice(["level", "channel"], 40)
SETTINGS = [
    {"rate": rate, "kind": kind, "noise": noise, "fixed": 3}
    for rate, kind, noise in zip(RATES, KINDS, RNG.uniform(0, 1, 40), strict=True)
]


def test_a_number_that_decides_everything_has_1_and_one_that_does_not_matter_less_than_chance() -> None:
    found = importances(SETTINGS, list(np.exp(-RATES)))
    assert next(iter(found)) == "rate"
    assert found["rate"] == pytest.approx((1.0, 0.0))
    assert found["noise"][0] < chance(40)
    assert 0.05 < found["noise"][1] < 0.3


def test_a_choice_that_decides_has_nearly_1() -> None:
    found = importances(SETTINGS, [float(kind == "level") for kind in KINDS])
    assert found["kind"][0] == pytest.approx(1.0)


def test_a_setting_that_never_varies_is_left_out_and_so_is_everything_of_a_few_trials() -> None:
    assert "fixed" not in importances(SETTINGS, list(RATES))
    few = FEWEST - 1
    assert importances(SETTINGS[:few], list(RATES[:few])) == {}


def test_scores_that_are_all_alike_say_nothing_mattered() -> None:
    assert {share for share, _ in importances(SETTINGS, [0.5] * 40).values()} == {0.0}
