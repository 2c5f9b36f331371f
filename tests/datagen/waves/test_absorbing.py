import numpy as np

from datagen.waves.absorbing import absorbing_coefficients


def test_the_coefficients_do_nothing_inside_and_damp_more_towards_the_edge():
    a, b = absorbing_coefficients(40, 8, 10.0, 0.001, 15.0)
    assert np.all(a[8:32] == 0)
    assert np.all(a[:8] < 0)
    assert np.all(np.diff(b[:8]) > 0)
    assert np.all((b > 0) & (b < 1))
    np.testing.assert_array_equal(a, a[::-1])


def test_half_nodes_lie_between_the_nodes():
    _, node = absorbing_coefficients(40, 8, 10.0, 0.001, 15.0)
    _, half = absorbing_coefficients(40, 8, 10.0, 0.001, 15.0, shift=0.5)
    assert np.all(half[:8] > node[:8])
    assert np.all(half[:7] < node[1:8])
