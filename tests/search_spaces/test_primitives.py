"""Every candidate operation keeps the size and has its own reach."""

import pytest
import torch
from torch.nn import functional

from search_spaces.primitives import OPERATIONS, SETS, BoxFilter, Zero

REACH = {
    "sep_conv_3x3": 1,
    "sep_conv_5x5": 2,
    "conv_3x3": 1,
    "dil_conv_3x3": 2,
    "dil_sep_conv_5x5": 4,
    "max_pool_3x3": 1,
    "avg_pool_3x3": 1,
    "skip": 0,
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_keeps_the_size(name: str) -> None:
    assert OPERATIONS[name](6)(torch.randn(2, 6, 7, 5)).shape == (2, 6, 7, 5)


@pytest.mark.parametrize(("name", "reach"), REACH.items())
def test_an_operation_sees_as_far_as_its_kernel(name: str, reach: int) -> None:
    torch.manual_seed(0)
    x = torch.rand(1, 4, 15, 15, requires_grad=True)
    OPERATIONS[name](4).eval()(x)[0, :, 7, 7].sum().backward()
    assert x.grad is not None
    rows = x.grad[0].abs().sum((0, 2)).nonzero().flatten()
    if name == "max_pool_3x3":  # the gradient is where the largest values are
        assert ((rows - 7).abs() <= reach).all()
    else:
        assert (rows.min(), rows.max()) == (7 - reach, 7 + reach)


def test_none_gives_zeros_even_where_the_input_is_not_a_number() -> None:
    assert (Zero()(torch.full((1, 2, 3, 3), torch.nan)) == 0).all()


def test_the_box_filter_is_average_pooling() -> None:
    x = torch.randn(2, 3, 6, 5)
    torch.testing.assert_close(BoxFilter(3)(x), functional.avg_pool2d(x, 3, stride=1, padding=1))


def test_sets_name_known_operations_and_let_a_search_leave_an_edge_out() -> None:
    for names in SETS.values():
        assert set(names) <= set(OPERATIONS)
        assert {"skip", "none"} <= set(names)
    assert set(SETS["full"]) == set(OPERATIONS)
