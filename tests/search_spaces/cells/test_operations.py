"""The contract of every candidate operation: sizes, reach, gradient; and what sets them apart."""

import io

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn
from torch.nn import functional

from search_spaces.cells.fourier import MODES, SpectralFilter
from search_spaces.cells.operation_sets import SETS
from search_spaces.cells.operations import OPERATIONS, BoxFilter, SqueezeExcite, Zero

REACH = {
    "sep_conv_3x3": 1,
    "sep_conv_5x5": 2,
    "sep_conv_7x7": 3,
    "conv_3x3": 1,
    "dil_conv_3x3": 2,
    "dil_sep_conv_5x5": 4,
    "mbconv_e3_3x3": 1,
    "mbconv_e3_5x5": 2,
    "mbconv_e3_7x7": 3,
    "mbconv_e4_5x5_se": 7,  # the whole map
    "u_fourier": 7,
    "squeeze_excite": 7,
    "max_pool_3x3": 1,
    "avg_pool_3x3": 1,
    "skip": 0,
}


@pytest.mark.parametrize("size", [(8, 8), (7, 5), (1, 3)])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_keeps_or_halves_any_size(name: str, stride: int, size: tuple[int, int]) -> None:
    wanted = [-(-cells // stride) for cells in size]
    assert OPERATIONS[name](6, stride)(torch.randn(2, 6, *size)).shape == (2, 6, *wanted)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("name", [name for name in OPERATIONS if name != "none"])
def test_input_and_every_weight_get_a_gradient(name: str, stride: int) -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 6, 9, 7, requires_grad=True)
    operation = OPERATIONS[name](6, stride)
    operation(x).square().sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0
    for label, weight in operation.named_parameters():
        assert weight.grad is not None, label
        assert torch.isfinite(weight.grad).all(), label


@pytest.mark.parametrize(("name", "reach"), REACH.items())
def test_an_operation_sees_as_far_as_its_kernel(name: str, reach: int) -> None:
    torch.manual_seed(0)
    x = torch.rand(1, 4, 15, 15, requires_grad=True)
    operation = OPERATIONS[name](4)
    operation(torch.randn(4, 4, 15, 15))  # moves the running statistics
    operation.eval()(x)[0, :, 7, 7].sum().backward()
    assert x.grad is not None
    rows = x.grad[0].abs().sum((0, 2)).nonzero().flatten()
    if name == "max_pool_3x3":  # the gradient is where the largest values are
        assert ((rows - 7).abs() <= reach).all()
    else:
        assert (rows.min(), rows.max()) == (7 - reach, 7 + reach)


def test_operations_with_weights_end_with_a_batch_norm() -> None:
    """The supernet of darts weighs a candidate there."""
    for build in OPERATIONS.values():
        operation = build(4)
        if list(operation.parameters()):
            assert isinstance(operation, nn.Sequential)
            assert isinstance(operation[-1], nn.BatchNorm2d)


def test_none_gives_zeros_even_where_the_input_is_not_a_number() -> None:
    assert (Zero()(torch.full((1, 2, 3, 3), torch.nan)) == 0).all()


def test_the_box_filter_is_average_pooling() -> None:
    x = torch.randn(2, 3, 6, 5)
    for stride in (1, 2):
        torch.testing.assert_close(BoxFilter(stride)(x), functional.avg_pool2d(x, 3, stride=stride, padding=1))


def test_squeeze_and_excitation_scales_whole_channels_by_less_than_one() -> None:
    x = torch.randn(2, 8, 5, 6)
    factor = SqueezeExcite(8)(x) / x
    torch.testing.assert_close(factor, factor[..., :1, :1].expand_as(x))
    assert (factor > 0).all()
    assert (factor < 1).all()


@pytest.mark.parametrize("size", [(32, 32), (17, 24), (8, 5), (1, 2)])
def test_the_spectral_filter_is_the_fourier_transform_cut_to_its_lowest_modes(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    x, filter_ = torch.randn(2, 3, *size), SpectralFilter(3)
    spectrum = torch.fft.rfft2(x)
    wanted = torch.zeros_like(spectrum)
    high_z, high_x = (min(MODES, (cells - 1) // 2) for cells in size)
    for kz in range(-high_z, high_z + 1):
        for kx in range(high_x + 1):
            weight = torch.complex(filter_.real, filter_.imaginary)[:, MODES + kz, kx]
            wanted[..., kz, kx] = weight * spectrum[..., kz, kx]
    torch.testing.assert_close(filter_(x), torch.fft.irfft2(wanted, s=size), atol=1e-5, rtol=1e-4)


def test_the_u_fourier_operation_gives_the_same_in_onnx_runtime() -> None:
    torch.manual_seed(0)
    operation = OPERATIONS["u_fourier"](4)
    operation(torch.randn(4, 4, 17, 24))
    operation.eval()
    x, file = torch.randn(2, 4, 17, 24), io.BytesIO()
    program = torch.onnx.export(operation, (x,), dynamo=True, opset_version=18, verbose=False)
    assert program is not None
    program.save(file)
    session = onnxruntime.InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"])
    (got,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    with torch.no_grad():
        np.testing.assert_allclose(got, operation(x).numpy(), atol=1e-5)


def test_sets_name_known_operations_and_let_a_search_leave_an_edge_out() -> None:
    for names in SETS.values():
        assert set(names) <= set(OPERATIONS)
        assert {"skip", "none"} <= set(names)
    assert set(SETS["full"]) == set(OPERATIONS)
