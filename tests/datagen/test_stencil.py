import numpy as np
import pytest

from datagen.stencil import STAGGERED_WEIGHTS, courant_limit, second_derivative_weights


@pytest.mark.parametrize("order", [2, 4, 6, 8])
def test_the_second_derivative_is_exact_for_polynomials_up_to_its_order(order):
    centre, *sides = second_derivative_weights(order)
    for power in range(order + 2):
        value = centre * 0.0**power + sum(
            w * (float(k) ** power + float(-k) ** power) for k, w in enumerate(sides, start=1)
        )
        assert value == pytest.approx(2.0 if power == 2 else 0.0, abs=1e-11)


def test_the_staggered_difference_is_exact_for_cubics():
    for power in range(5):
        value = sum(s * ((k + 0.5) ** power - (-k - 0.5) ** power) for k, s in enumerate(STAGGERED_WEIGHTS))
        assert value == pytest.approx(1.0 if power == 1 else 0.0, abs=1e-12)


def test_the_courant_limit_is_that_of_the_fastest_growing_wave():
    for order in (4, 6, 8):
        centre, *sides = second_derivative_weights(order)
        k = np.linspace(0, np.pi, 501)
        symbol = centre + sum(2 * w * np.cos((j + 1) * k) for j, w in enumerate(sides))
        slowest_allowed = 2 / np.sqrt(2 * np.abs(symbol).max())
        assert courant_limit(order) == pytest.approx(slowest_allowed, rel=1e-9)
