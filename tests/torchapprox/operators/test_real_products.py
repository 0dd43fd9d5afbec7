"""One operator from floats to floats gives the bits that the separate steps give."""

import pytest
import torch

from tests.torchapprox.builders import random_table
from torchapprox.operators.affine.quantization_parameters import QuantizationParameters
from torchapprox.operators.approx_matmul import lower_matmul
from torchapprox.operators.approxgemm import lower_linear
from torchapprox.operators.convolution.conv import conv_operands
from torchapprox.operators.convolution.conv_args import Conv1dArgs, Conv2dArgs, Conv3dArgs
from torchapprox.operators.real_products import (
    real_conv,
    real_linear,
    real_matmul,
    takes_reals,
)

LUT = torch.from_numpy(random_table(3))
CONVOLUTIONS = {
    "plain": (Conv2dArgs(3, 5, 3, 1, 1, 1, 1), (2, 3, 7, 6)),
    "uneven": (Conv2dArgs(4, 6, (2, 3), 1, "same", (1, 2), 2), (3, 4, 9, 8)),
    "depthwise": (Conv2dArgs(6, 6, 3, 2, 1, 1, 6), (2, 6, 11, 11)),
    "pointwise": (Conv2dArgs(5, 4, 1, 1, 0, 1, 1), (2, 5, 3, 3)),
    "line": (Conv1dArgs(2, 3, 4, 3, 2, 1, 1), (2, 2, 20)),
    "volume": (Conv3dArgs(2, 2, 2, 1, 1, 1, 1), (1, 2, 3, 4, 5)),
}


def parameters(channels, *, x_clip=(0, 127), w_clip=(-128, 127), ports=(None, None)):
    draw = torch.Generator().manual_seed(channels)
    return QuantizationParameters(
        torch.tensor([0.031]), torch.tensor([41], dtype=torch.int32),
        torch.rand(channels, generator=draw) * 0.02 + 0.01,
        torch.zeros(channels, dtype=torch.int32), *ports,
        x_clip=x_clip, w_clip=w_clip, w_centred=True,
    )  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize(("args", "size"), CONVOLUTIONS.values(), ids=CONVOLUTIONS)
@pytest.mark.parametrize("kernel", ["portable", ""])
def test_convolutions(monkeypatch, args, size, per_channel, dtype, kernel):
    monkeypatch.setenv("TORCHAPPROX_KERNEL", kernel)
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(size, generator=draw, dtype=dtype)
    w = torch.randn(args.weight_shape, generator=draw, dtype=dtype)
    params = parameters(args.out_channels if per_channel else 1)
    bias = torch.randn(args.out_channels, generator=draw, dtype=dtype) if per_channel else None
    assert takes_reals(x, params, None)
    operands = conv_operands(x, w, params, args)
    wanted = operands.reals(LUT, dtype, bias=bias)
    product = real_conv(x, w, params, args, LUT, bias=bias)
    assert product.reals.dtype == dtype
    assert torch.equal(product.reals, wanted)
    assert torch.equal(product.x_codes, operands.x_codes)
    assert torch.equal(product.w_codes, operands.w_codes)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize(("m", "n", "k"), [(5, 4, 7), (300, 33, 20), (1, 9, 3), (0, 2, 3)])
def test_linear_layers(m, n, k, per_channel, dtype):
    draw = torch.Generator().manual_seed(0)
    x, w = (torch.randn(rows, k, generator=draw, dtype=dtype) for rows in (m, n))
    params = parameters(n if per_channel else 1, x_clip=(-8, 7), w_clip=(0, 255))
    bias = torch.randn(n, generator=draw, dtype=dtype) if per_channel else None
    of_group = None if bias is None else bias[None]
    operands = lower_linear(x, w, params)
    wanted = operands.reals(LUT, dtype, bias=of_group)[0]
    product = real_linear(x, w, params, LUT, bias=bias)
    assert product.reals.dtype == dtype
    assert torch.equal(product.reals, wanted)
    assert torch.equal(product.x_codes, operands.x_codes)
    assert torch.equal(product.w_codes, operands.w_codes)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("x_size", "w_size"),
    [
        ((5, 7), (4, 7)),
        ((2, 3, 65, 7), (2, 3, 66, 7)),
        ((3, 5, 2), (4, 2)),
        ((2, 1, 5, 3), (6, 4, 3)),
        ((2, 3, 5, 3), (2, 1, 4, 3)),
        ((0, 5, 3), (0, 4, 3)),
    ],
)
def test_products_of_two_activations(x_size, w_size, dtype):
    draw = torch.Generator().manual_seed(0)
    x, w = (torch.randn(size, generator=draw, dtype=dtype) for size in (x_size, w_size))
    params = parameters(1, x_clip=(-8, 7), w_clip=(-128, 127))
    operands = lower_matmul(x, w, params)
    wanted = operands.reals(LUT, dtype).reshape(torch.matmul(x, w.mT).shape)
    product = real_matmul(x, w, params, LUT)
    assert product.reals.dtype == dtype
    assert torch.equal(product.reals, wanted)
    assert torch.equal(product.x_codes, operands.x_codes)
    assert torch.equal(product.w_codes, operands.w_codes)


@pytest.mark.parametrize("where", ["x", "w"])
def test_what_quantisation_would_hide_is_refused(where):
    operands = {"x": torch.zeros(2, 3), "w": torch.zeros(4, 3)}
    operands[where][1, 2] = float("nan")
    with pytest.raises(ValueError, match=r"must be finite.* got 1 NaN and 0 infinite"):
        real_linear(**operands, params=parameters(1), lut=LUT)


def test_limits_and_tables_that_do_not_fit_are_refused():
    x, w, args = torch.zeros(1, 1, 3), torch.zeros(1, 1, 2), Conv1dArgs(1, 1, 2, 1, 0, 1, 1)
    params = parameters(1, x_clip=(0, 255), ports=((-128, 127), None))
    with pytest.raises(ValueError, match=r"must lie in -128\.\.127.* got 0\.\.255"):
        real_conv(x, w, params, args, LUT)
    with pytest.raises(TypeError, match="'lut' must be int32"):
        real_conv(x, w, parameters(1), args, LUT.float())


def test_other_paddings_are_left_to_others():
    args = Conv1dArgs(1, 1, 2, 1, 1, 1, 1, "circular")
    assert real_conv(torch.zeros(1, 1, 3), torch.zeros(1, 1, 2), parameters(1), args, LUT) is None
