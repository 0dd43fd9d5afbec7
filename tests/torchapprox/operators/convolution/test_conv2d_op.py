"""`ApproxConv2dOp` and `Conv2dArgs` as existing users call them."""

import pytest
import torch
from torch.nn import functional as F

from tests.torchapprox.builders import random_table
from torchapprox.layers.approx_layer import TracedGeMMInputs
from torchapprox.operators import QuantizationParameters
from torchapprox.operators.conv2d import ApproxConv2dOp, Conv2dArgs
from torchapprox.operators.convolution.conv import conv_operands

LUT = torch.from_numpy(random_table(4))
SCALE = torch.tensor([0.25])
PARAMETERS = QuantizationParameters(SCALE, torch.tensor([9]), SCALE, torch.tensor([-4]))
GENERATOR = torch.Generator().manual_seed(0)


def operand(*shape, low=-9, high=60):
    return SCALE * torch.randint(low, high, shape, generator=GENERATOR)


X = operand(2, 4, 5, 6)
W = operand(6, 2, 3, 2, low=-100, high=100)
ARGS = Conv2dArgs(4, 6, (3, 2), (2, 1), (1, 0), (1, 2), 2)


def apply(x=X, w=W, args=ARGS, *, model=None, out_dims=None, lut=LUT, traced=None):
    return ApproxConv2dOp.apply(x, w, PARAMETERS, args, model, out_dims, lut, traced)


def test_arguments_of_the_functional():
    assert ARGS.backward_args() == {
        "stride": (2, 1), "padding": (1, 0), "dilation": (1, 2), "groups": 2,
    }  # fmt: skip
    y = F.conv2d(X, W, **ARGS.backward_args())
    assert apply(lut=None).shape == y.shape
    assert torch.allclose(apply(lut=None), y, atol=1e-4)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"groups": 1}, False),
        ({"out_channels": 8}, False),
        ({"dilation": 2}, False),
        ({"dilation": (1, 2)}, False),
        ({"dilation": (1, 1), "stride": 2}, True),
    ],
)
def test_use_fast_dwconv(changes, expected):
    fields = {"in_channels": 4, "out_channels": 4, "kernel_size": 3, "stride": 1, "padding": 0,
              "dilation": 1, "groups": 4, **changes}  # fmt: skip
    assert Conv2dArgs(**fields).use_fast_dwconv() is expected


@pytest.mark.parametrize("padding", [0, 1, (2, 1), "same", "valid"])
@pytest.mark.parametrize("kernel", [1, 2, (3, 4)])
@pytest.mark.parametrize("dilation", [1, (2, 1)])
@pytest.mark.parametrize("stride", [1, (2, 3)])
def test_output_size_is_that_of_the_functional(padding, kernel, dilation, stride):
    if padding == "same":
        stride = 1
    args = Conv2dArgs(1, 1, kernel, stride, padding, dilation, 1)
    height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
    with torch.no_grad():
        y = F.conv2d(
            torch.zeros(1, 1, 9, 8), torch.zeros(1, 1, height, width), **args.backward_args()
        )
    assert args.output_size(9, 8) == tuple(y.shape[2:])


def test_numbers_and_pairs_are_the_same():
    x, w = X[:, :2], W[:, :, :2]
    numbers, pairs = Conv2dArgs(2, 6, 2, 2, 1, 1, 1), Conv2dArgs(
        2, 6, (2, 2), (2, 2), (1, 1), (1, 1), 1
    )  # fmt: skip
    assert torch.equal(apply(x, w, numbers), apply(x, w, pairs))


def test_output_size_given_and_computed():
    assert torch.equal(apply(out_dims=(3, 4)), apply())
    with pytest.raises(ValueError, match=r"'out_dims' must be \(3, 4\), got \(3, 3\)"):
        apply(out_dims=(3, 3))


def test_layouts():
    y = apply()
    assert y.is_contiguous()
    for x in (X.to(memory_format=torch.channels_last), X.transpose(2, 3).contiguous().mT):
        for w in (W.to(memory_format=torch.channels_last), W):
            assert torch.equal(apply(x, w), y)


def test_htp_model_sees_padded_integers():
    def model(base_func, x_q, w_q, kwargs):
        assert base_func is F.conv2d
        assert x_q.shape == (2, 4, 7, 6)
        assert (x_q[:, :, 0] == 9).all()
        assert kwargs["groups"] == 2
        return base_func(x_q, w_q, **kwargs)

    assert torch.equal(apply(model=model), apply(lut=None))


@pytest.mark.parametrize("lut", [LUT, None])
def test_traced_inputs_receive_every_group(lut):
    traced = TracedGeMMInputs(None, None)
    apply(lut=lut, traced=traced)
    assert traced.features.shape == (2, 2 * 3 * 4, 12)
    assert traced.weights.shape == (2, 3, 12)
    assert torch.equal(traced.weights.view(6, 2, 3, 2).float(), W / SCALE - 4)


@pytest.mark.parametrize("padding", ["same", "valid", (1, 3), (0, 0)])
@pytest.mark.parametrize("kernel", [(1, 1), (2, 4), (3, 2)])
@pytest.mark.parametrize("dilation", [(1, 1), (1, 2)])
@pytest.mark.parametrize("stride", [(1, 1), (3, 2)])
@pytest.mark.parametrize("groups", [1, 4])
def test_gradients_are_those_of_the_exact_convolution(padding, kernel, dilation, stride, groups):
    if padding == "same":
        stride = (1, 1)
    args = Conv2dArgs(4, 8, kernel, stride, padding, dilation, groups)
    w = operand(8, 4 // groups, *kernel).requires_grad_()
    x = operand(2, 4, 7, 8).requires_grad_()
    exact = F.conv2d(x, w, **args.backward_args())
    grad = torch.randn(exact.shape, generator=GENERATOR)
    expected = torch.autograd.grad(exact, (x, w), grad)
    for lut in (LUT, None):
        got = torch.autograd.grad(apply(x, w, args, lut=lut), (x, w), grad)
        for ours, theirs in zip(got, expected, strict=True):
            assert torch.allclose(ours, theirs, atol=1e-4)


@pytest.mark.parametrize(
    ("x", "w", "args", "match"),
    [
        (X[0], W, ARGS, r"'x' must be \(B, 4, H, W\), got \(4, 5, 6\)"),
        (X[:, :2], W, ARGS, r"'x' must be \(B, 4, H, W\), got \(2, 2, 5, 6\)"),
        (X, W[:3], ARGS, r"'w' must be \(6, 2, 3, 2\), got \(3, 2, 3, 2\)"),
        (X[..., :2], W, ARGS, r"at least as large as the kernel, \(3, 3\), got \(7, 2\)"),
        (X, W, Conv2dArgs(4, 6, (3, 2), 1, "full", 1, 2), r"'padding' must be .* got 'full'"),
    ],
)
def test_shapes(x, w, args, match):
    with pytest.raises(ValueError, match=match):
        apply(x, w, args)


@pytest.mark.parametrize("lut", [LUT, None], ids=["table", "exact"])
def test_the_integers_are_those_of_the_matrix_product(lut):
    """Sums of a convolution minus zero-point terms, against those of its receptive fields."""
    operands = conv_operands(X, W, PARAMETERS, ARGS)
    by_matrix = operands.lower().accumulate(lut)
    groups, positions, channels = by_matrix.shape
    wanted = by_matrix.mT.reshape(groups * channels, 2, positions // 2).transpose(0, 1)
    found = operands.accumulate(lut)
    assert found.dtype == torch.int64
    assert torch.equal(found.flatten(2), wanted)
