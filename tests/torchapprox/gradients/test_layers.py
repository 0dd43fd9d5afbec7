"""The gradients of layers by table and by multiplier are those of their definitions."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn

from multipliers import Multiplier, exact_products
from tests.torchapprox.builders import minmax_qconfig, random_multiplier, random_table, wrapped
from tests.torchapprox.gradients import gradient_oracle as oracle
from torchapprox import InferenceMode
from torchapprox.gradients import (
    ApproximateBackward,
    GradientTables,
    Regression,
    StraightThrough,
    WindowDifference,
)
from torchapprox.layers import ApproxMatmul
from torchapprox.operators.convolution.padding import pad_adjoint, pad_reals
from torchapprox.quantisation.torch_ao import set_parameters

LAYERS = {
    "linear": (nn.Linear(5, 3), (4, 5)),
    "linear on sequences": (nn.Linear(3, 2), (2, 2, 3)),
    "strided and padded": (nn.Conv2d(2, 2, (2, 3), stride=(2, 1), padding=(1, 2)), (2, 2, 2, 3)),
    "grouped, dilated": (nn.Conv2d(2, 4, 2, groups=2, dilation=(2, 1)), (1, 2, 4, 3)),
    "depthwise": (nn.Conv2d(3, 3, 3, groups=3, padding=1), (1, 3, 3, 3)),
    "reflect": (nn.Conv1d(2, 3, 3, padding=2, padding_mode="reflect"), (2, 2, 4)),
    "three dimensions": (nn.Conv3d(1, 2, (1, 2, 2), padding=(0, 0, 1)), (1, 1, 2, 2, 2)),
    "transposed": (nn.ConvTranspose2d(2, 2, (2, 3), 2, (1, 0), dilation=(1, 2)), (1, 2, 2, 3)),
    "transposed, grouped": (nn.ConvTranspose1d(4, 6, 3, 2, 1, 1, groups=2), (2, 4, 3)),
}
WITHOUT_CUT_OUTPUTS = {
    name: value
    for name, value in LAYERS.items()
    if not isinstance(value[0], nn.modules.conv._ConvTransposeNd)
}
ON_PORTS = {"signed": True, "unsigned": False}


@dataclass
class Case:
    """A layer with fixed asymmetric quantisers and an input, some of it out of range."""

    wrapper: nn.Module
    x: torch.Tensor
    zx: int
    zw: list[int]

    def run(self, estimator):
        layer = self.wrapper.wrapped
        layer.gradient = estimator
        self.wrapper.zero_grad()
        x = self.x.clone().requires_grad_()
        y = self.wrapper(x)
        grad = torch.randn(y.shape, generator=torch.Generator().manual_seed(5), dtype=y.dtype)
        y.backward(grad)
        return grad, x.grad, layer.weight.grad


def case(layer, shape, signed):
    """Everything in float64, whose gradients can be compared with the oracle's."""
    generator = torch.Generator().manual_seed(3)
    x_range, w_range = ((-100, 90), (-128, 127)) if signed else ((0, 255), (0, 200))
    wrapper = wrapped(
        layer,
        random_multiplier(8, x_signed=signed, w_signed=signed),
        qconfig=minmax_qconfig(x_range, w_range, per_channel=True, w_affine=True),
    ).double()
    approximate = wrapper.wrapped
    channels = getattr(layer, "out_channels", None) or layer.out_features
    scales = 0.01 + 0.005 * torch.arange(channels)
    zx, zw = (
        (7, [3 - n for n in range(channels)]) if signed else (90, [99 + n for n in range(channels)])
    )
    set_parameters(wrapper.activation_quantiser, 0.02, zx)
    set_parameters(approximate.weight_fake_quant, scales, torch.tensor(zw))
    approximate.weight.data = torch.randn(approximate.weight.shape, generator=generator).double()
    return Case(wrapper, 2 * torch.randn(shape, generator=generator).double(), zx, zw)


def definition(made, grad):
    """What the oracle takes: pairs and operands, the activations padded; and the way back."""
    layer, x = made.wrapper.wrapped, made.x
    scales = layer.weight_fake_quant.scale.double()
    zeros = layer.weight_fake_quant.zero_point.double()
    low, high = layer._operand_ranges()["weight"]
    sx = float(made.wrapper.activation_quantiser.scale)
    back, exact = (lambda g: g), layer.quant_fwd
    over = (
        (lambda v: v.view(-1, 1))
        if not hasattr(layer, "conv_args")
        else layer.conv_args.over_weight
    )
    if hasattr(layer, "padding_mode") and hasattr(layer.conv_args, "margins"):
        args = layer.conv_args
        margins, mode, size = args.margins(), args.padding_mode, x.shape[2:]
        x = pad_reals(x, margins, mode)
        back = lambda g: pad_adjoint(g, size, margins, mode)  # noqa: E731
        unpadded = {**args.backward_args(), "padding": 0}
        exact = lambda x, w: args.FUNCTION(x, w, **unpadded)  # noqa: E731
    w = layer.weight.detach()
    sw, zw = over(scales).expand(w.shape), over(zeros).expand(w.shape)
    x_low, x_high = layer._operand_ranges()["activation"]
    # As the quantiser computes: a product with the reciprocal, in float64.
    inverse = torch.tensor(sx, dtype=torch.float32).reciprocal().double()
    qx = (x * inverse).round() + made.zx
    qw = (
        w * scales.float().reciprocal().double().view(over(scales).shape)
        if not hasattr(layer, "conv_args")
        else w * over(scales.float().reciprocal().double())
    )
    qw = qw.round() + zw
    masks = [(q >= low) & (q <= high) for q, low, high in ((qx, x_low, x_high), (qw, low, high))]
    operands = (qx.clamp(x_low, x_high), qw.clamp(low, high), sx, made.zx, sw, zw)
    products = list(oracle.pairs(exact, x.shape, w.shape))
    return products, operands, masks, back


def check(made, expected, masks, back, got):
    for wanted, mask, found, restore in zip(expected, masks, got, (back, lambda g: g), strict=True):
        assert float(wanted.abs().max()) > 0
        torch.testing.assert_close(found, restore(wanted * mask), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("signed", ON_PORTS.values(), ids=ON_PORTS)
@pytest.mark.parametrize(("layer", "shape"), LAYERS.values(), ids=LAYERS)
def test_random_tables(layer, shape, signed):
    made = case(layer, shape, signed)
    by_x, by_w = random_table(21) / 1e3, random_table(22) / 1e3
    grad, *got = made.run(GradientTables(by_x=by_x, by_w=by_w))
    products, operands, masks, back = definition(made, grad)
    expected = oracle.by_tables(products, grad, *operands, by_x, by_w)
    check(made, expected, masks, back, got)


@pytest.mark.parametrize("layer", ["linear", "strided and padded", "transposed"])
def test_tables_of_low_rank(layer):
    made = case(*LAYERS[layer], True)
    factors = np.random.default_rng(4).normal(size=(4, 256, 3))
    by_x, by_w = factors[0] @ factors[1].T, factors[2] @ factors[3].T
    grad, *got = made.run(GradientTables(by_x=by_x, by_w=by_w))
    assert made.wrapper.wrapped.product_gradient.x.rest is None
    products, operands, masks, back = definition(made, grad)
    check(made, oracle.by_tables(products, grad, *operands, by_x, by_w), masks, back, got)


@pytest.mark.parametrize("signed", ON_PORTS.values(), ids=ON_PORTS)
@pytest.mark.parametrize(("layer", "shape"), WITHOUT_CUT_OUTPUTS.values(), ids=WITHOUT_CUT_OUTPUTS)
def test_products_on_the_multiplier(layer, shape, signed):
    made = case(layer, shape, signed)
    grad, *got = made.run(ApproximateBackward())
    products, operands, masks, back = definition(made, grad)
    axis = -1 if isinstance(layer, nn.Linear) else 1
    port = (-128, 127) if signed else (0, 255)
    lut = made.wrapper.wrapped.lut.numpy()
    expected = oracle.by_multiplier(
        products, grad, *operands, lut, port, port, lambda output: output[axis]
    )
    check(made, expected, masks, back, got)


@pytest.mark.parametrize("estimator", [StraightThrough(), Regression(), WindowDifference(5)])
@pytest.mark.parametrize("signed", ON_PORTS.values(), ids=ON_PORTS)
@pytest.mark.parametrize(("layer", "shape"), LAYERS.values(), ids=LAYERS)
def test_of_the_exact_multiplier_are_those_of_the_quantised_layer(layer, shape, signed, estimator):
    made = case(layer, shape, signed)
    approximate = made.wrapper.wrapped
    approximate.multiplier = Multiplier.from_lut(
        exact_products(signed, signed), x_signed=signed, w_signed=signed
    )
    got = made.run(estimator)
    approximate.inference_mode = InferenceMode.QUANTIZED
    for found, wanted in zip(got, made.run(None), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("signed", ON_PORTS.values(), ids=ON_PORTS)
@pytest.mark.parametrize(("layer", "shape"), LAYERS.values(), ids=LAYERS)
def test_on_the_exact_multiplier_differ_by_rounding(layer, shape, signed):
    made = case(layer, shape, signed)
    approximate = made.wrapper.wrapped
    approximate.multiplier = Multiplier.from_lut(
        exact_products(signed, signed), x_signed=signed, w_signed=signed
    )
    _, *got = made.run(ApproximateBackward())
    _, *exact = made.run(StraightThrough())
    for found, wanted in zip(got, exact, strict=True):
        assert 0 < float((found - wanted).norm() / wanted.norm()) < 0.02


@pytest.mark.parametrize(
    ("x_shape", "w_shape"),
    [((2, 3, 4, 5), (3, 5, 2)), ((3, 4, 5), (5, 2)), ((2, 1, 3, 4), (3, 4, 2)), ((5,), (5,)),
     ((4, 5), (2, 1, 5, 3))],
)  # fmt: skip
def test_products_of_activations_sum_over_what_broadcasts(x_shape, w_shape):
    layer = ApproxMatmul(minmax_qconfig((-128, 127), w_affine=True)).double()
    layer.multiplier, layer.inference_mode = random_multiplier(8), InferenceMode.APPROXIMATE
    set_parameters(layer.activation_fake_quant, 0.02, 5)
    set_parameters(layer.weight_fake_quant, 0.03, -4)
    generator = torch.Generator().manual_seed(1)
    by_x, by_w = random_table(21) / 1e3, random_table(22) / 1e3
    x = torch.randn(x_shape, generator=generator).double().requires_grad_()
    w = torch.randn(w_shape, generator=generator).double().requires_grad_()
    results = {}
    # Broadcasting by hand gives every product its own operands, whose gradients autograd sums.
    for name in ("broadcast", "by hand"):
        layer.gradient = GradientTables(by_x=by_x, by_w=by_w)
        if name == "broadcast":
            y = layer(x, w)
        else:
            rows, columns = x if x.dim() > 1 else x[None], w if w.dim() > 1 else w[:, None]
            batch = torch.broadcast_shapes(rows.shape[:-2], columns.shape[:-2])
            y = layer(
                rows.expand(*batch, *rows.shape[-2:]) * 1,
                columns.expand(*batch, *columns.shape[-2:]) * 1,
            ).reshape(y.shape)
        x.grad = w.grad = None
        y.backward(torch.ones_like(y) + torch.arange(y.numel()).view(y.shape))
        results[name] = x.grad, w.grad
    for one, other in zip(*results.values(), strict=True):
        torch.testing.assert_close(one, other)


def test_a_matrix_product_is_that_of_a_linear_layer():
    made = case(nn.Linear(5, 3, bias=False), (4, 5), True)
    linear = made.wrapper.wrapped
    tables = GradientTables(by_x=random_table(21) / 1e3, by_w=random_table(22) / 1e3)
    set_parameters(made.wrapper.activation_quantiser, 0.02, 5)
    linear.weight_fake_quant = minmax_qconfig(w_affine=True).weight()
    set_parameters(linear.weight_fake_quant, 0.03, -4)
    grad, grad_x, grad_w = made.run(tables)
    product = ApproxMatmul(minmax_qconfig((-100, 90), w_affine=True)).double()
    product.multiplier, product.inference_mode = linear.multiplier, InferenceMode.APPROXIMATE
    product.gradient = tables
    set_parameters(product.activation_fake_quant, 0.02, 5)
    set_parameters(product.weight_fake_quant, 0.03, -4)
    x, w = made.x.clone().requires_grad_(), linear.weight.detach().T.clone().requires_grad_()
    product(x, w).backward(grad)
    torch.testing.assert_close(x.grad, grad_x)
    torch.testing.assert_close(w.grad.T, grad_w)
