import numpy as np
import pytest

from datagen.waves.stencil import STAGGERED_WEIGHTS, courant_limit, fitted_weights, taylor_weights


def squared_wavenumber(weights, k):
    """What the stencil sees of a wave e^{ikx} in place of k²."""
    centre, *sides = weights
    return -centre - 2 * sum(w * np.cos(n * k) for n, w in enumerate(sides, start=1))


@pytest.mark.parametrize("order", [2, 4, 6, 8])
def test_the_second_derivative_is_exact_for_polynomials_up_to_its_order(order):
    centre, *sides = taylor_weights(order)
    for power in range(order + 2):
        value = centre * 0.0**power + sum(
            w * (float(k) ** power + float(-k) ** power) for k, w in enumerate(sides, start=1)
        )
        assert value == pytest.approx(2.0 if power == 2 else 0.0, abs=1e-11)


@pytest.mark.parametrize("order", [4, 6, 8])
def test_fitted_weights_carry_the_waves_of_the_wavelet_better_than_taylors(order):
    k = np.linspace(0.01, 2.5 * 2 * np.pi / 10, 200)
    errors = [np.abs(squared_wavenumber(w, k) / k**2 - 1) for w in (fitted_weights(order, 10), taylor_weights(order))]
    assert errors[0].max() < 0.85 * errors[1].max()
    assert errors[0][0] < 1e-6


@pytest.mark.parametrize("order", [4, 6, 8])
def test_fitted_weights_become_taylors_as_the_grid_is_refined(order):
    distance = [np.abs(np.subtract(fitted_weights(order, n), taylor_weights(order))).max() for n in (10, 40, 160)]
    assert distance[1] < 0.1 * distance[0]
    assert distance[2] < 0.1 * distance[1]


def test_the_staggered_difference_is_exact_for_cubics():
    for power in range(5):
        value = sum(s * ((k + 0.5) ** power - (-k - 0.5) ** power) for k, s in enumerate(STAGGERED_WEIGHTS))
        assert value == pytest.approx(1.0 if power == 1 else 0.0, abs=1e-12)


@pytest.mark.parametrize("weights", [taylor_weights(4), taylor_weights(6), taylor_weights(8), fitted_weights(6, 10)])
def test_the_courant_limit_is_that_of_the_fastest_growing_wave(weights):
    largest = squared_wavenumber(weights, np.linspace(0, np.pi, 501)).max()
    assert courant_limit(weights) == pytest.approx(2 / np.sqrt(2 * largest), rel=1e-9)


def test_the_courant_limits_of_taylors_weights_are_the_known_ones():
    limits = [courant_limit(taylor_weights(order)) for order in (4, 6, 8)]
    assert limits == pytest.approx([0.6124, 0.5752, 0.5546], abs=1e-4)
