"""Properties of linear layers and of products of two activations."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from multipliers import Multiplier, code_values, exact_products
from tests.torchapprox.builders import SIGNED, minmax_qconfig, random_multiplier, wrapped
from torchapprox import Accumulator, InferenceMode
from torchapprox.layers import ApproxMatmul
from torchapprox.quantisation.torch_ao import disable_observer, set_parameters

PORTS = [(True, True), (False, False), (True, False), (False, True)]
SHAPES = [((4,), (4,)), ((3, 4), (4, 2)), ((2, 3, 4), (4, 2)), ((2, 1, 3, 4), (5, 4, 2))]
ACCUMULATORS = [None, Accumulator(18, "saturate")]


def exact(x_signed, w_signed):
    table = exact_products(x_signed, w_signed)
    return Multiplier.from_lut(table, x_signed=x_signed, w_signed=w_signed)


def matmul(multiplier, qconfig, *operands):
    """A product whose quantisers have seen its operands."""
    layer = ApproxMatmul(qconfig)
    layer(*operands)
    layer.apply(disable_observer)
    layer.multiplier, layer.inference_mode = multiplier, InferenceMode.APPROXIMATE
    return layer


def ranges(x_signed, w_signed):
    return {
        "activation": SIGNED if x_signed else (0, 255), "weight": SIGNED if w_signed else (0, 255),
        "w_affine": True,
    }  # fmt: skip


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1),
    ports=st.sampled_from(PORTS),
    per_channel=st.booleans(),
    features=st.integers(1, 300),
)
def test_the_exact_table_gives_the_fake_quantised_linear_layer(seed, ports, per_channel, features):
    generator = torch.Generator().manual_seed(seed)
    qconfig = minmax_qconfig(**ranges(*ports), per_channel=per_channel)
    wrapper = wrapped(nn.Linear(features, 3), exact(*ports), qconfig=qconfig)
    x = torch.randn(2, 5, features, generator=generator)
    y = wrapper(x)
    wrapper.wrapped.inference_mode = InferenceMode.QUANTIZED
    torch.testing.assert_close(y, wrapper(x), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("ports", PORTS)
@pytest.mark.parametrize(("x", "w"), SHAPES)
def test_the_exact_table_gives_the_fake_quantised_product(ports, x, w):
    x, w = torch.randn(x), torch.randn(w) - 0.3
    layer = matmul(exact(*ports), minmax_qconfig(**ranges(*ports)), x, w)
    y = layer(x, w)
    layer.inference_mode = InferenceMode.QUANTIZED
    torch.testing.assert_close(y, layer(x, w), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("operand", ["activation", "weight"])
def test_a_table_of_one_operand_gives_its_sums(operand):
    values = np.broadcast_to(code_values(True)[:, None], (256, 256))
    table = values if operand == "activation" else values.T
    multiplier = Multiplier.from_lut(np.ascontiguousarray(table))
    x, w = torch.randint(-128, 128, (6, 7)).float(), torch.randint(-128, 128, (3, 7)).float()
    linear = nn.Linear(7, 3, bias=False)
    linear.weight.data = w
    wrapper = wrapped(linear, multiplier, qconfig=minmax_qconfig(SIGNED))
    product = ApproxMatmul(minmax_qconfig(SIGNED))
    product.multiplier, product.inference_mode = multiplier, InferenceMode.APPROXIMATE
    for quantiser in (
        wrapper.activation_quantiser, wrapper.wrapped.weight_fake_quant,
        *product.operand_quantisers.values(),
    ):  # fmt: skip
        set_parameters(quantiser, 1.0, 0)
    sums = x.sum(1, keepdim=True) if operand == "activation" else w.sum(1)
    assert torch.equal(wrapper(x), sums.expand(6, 3))
    assert torch.equal(product(x, w.mT), sums.expand(6, 3))


@pytest.mark.parametrize("accumulator", ACCUMULATORS)
def test_rows_and_columns_of_a_linear_layer_permute_and_parts_give_the_whole(accumulator):
    x = torch.randn(6, 4, 9)
    qconfig = minmax_qconfig(per_channel=True, w_affine=True)
    wrapper = wrapped(nn.Linear(9, 5), random_multiplier(), qconfig=qconfig)
    wrapper(x)
    wrapper.apply(disable_observer)
    wrapper.wrapped.accumulator = accumulator
    y = wrapper(x)
    rows, columns = torch.randperm(6), torch.randperm(5)
    assert torch.equal(wrapper(x[rows]), y[rows])
    assert torch.equal(torch.cat([wrapper(part) for part in x.split([1, 3, 2])]), y)
    assert torch.equal(wrapper(x.flatten(0, 1)), y.flatten(0, 1))
    other, quantiser = copy.deepcopy(wrapper), wrapper.wrapped.weight_fake_quant
    other.wrapped.weight.data = wrapper.wrapped.weight.data[columns]
    other.wrapped.bias.data = wrapper.wrapped.bias.data[columns]
    set_parameters(
        other.wrapped.weight_fake_quant, quantiser.scale[columns], quantiser.zero_point[columns]
    )
    assert torch.equal(other(x), y[..., columns])


@pytest.mark.parametrize("accumulator", ACCUMULATORS)
def test_rows_columns_and_matrices_of_a_product_permute_and_parts_give_the_whole(accumulator):
    x, w = torch.randn(3, 2, 6, 9), torch.randn(3, 1, 9, 5)
    layer = matmul(random_multiplier(), minmax_qconfig(), x, w)
    layer.accumulator = accumulator
    y = layer(x, w)
    rows, columns, matrices = torch.randperm(6), torch.randperm(5), torch.randperm(3)
    assert torch.equal(layer(x[..., rows, :], w[..., columns]), y[..., rows, :][..., columns])
    assert torch.equal(layer(x[matrices], w[matrices]), y[matrices])
    parts = [layer(*pair) for pair in zip(x.split([1, 2]), w.split([1, 2]), strict=True)]
    assert torch.equal(torch.cat(parts), y)
    # Inner products of 9 terms, split where the accumulator does not care.
    if accumulator is None:
        order = torch.randperm(9)
        assert torch.equal(layer(x[..., order], w[..., order, :]), y)


def test_the_two_operands_have_their_own_ports():
    x, w = torch.rand(3, 4), torch.randn(4, 2)
    mixed = random_multiplier(x_signed=False)
    layer = matmul(mixed, minmax_qconfig((0, 255)), x, w)
    assert layer(x, w).shape == (3, 2)
    message = r"weight quantiser's range -128\.\.127 does not fit the multiplier's weight port"
    with pytest.raises(ValueError, match=message):
        layer.multiplier = random_multiplier(x_signed=False, w_signed=False)
    assert layer.multiplier == mixed


@pytest.mark.parametrize(
    ("x", "w", "message"),
    [
        ((3, 4), (5, 2), r"\(\.\.\., M, K\) and \(\.\.\., K, N\), .* got \(3, 4\) and \(5, 2\)"),
        ((), (4, 2), r"or vectors \(K,\), got \(\) and \(4, 2\)"),
        ((2, 3, 4), (3, 4, 2), "must have batch axes that broadcast, got"),
    ],
)
def test_operands_that_do_not_fit(x, w, message):
    with pytest.raises(ValueError, match=message):
        ApproxMatmul()(torch.ones(x), torch.ones(w))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("operand", [0, 1])
@pytest.mark.parametrize("mode", InferenceMode)
def test_operands_that_a_quantiser_would_hide_are_refused(bad, operand, mode):
    operands = [torch.randn(3, 4), torch.randn(4, 2)]
    layer = matmul(random_multiplier(), minmax_qconfig(), *operands)
    layer.inference_mode = mode
    operands[operand][1, 1] = bad
    with pytest.raises(ValueError, match=r"must be finite.* of (12|8) values"):
        layer(*operands)


def test_counts_need_a_forward_pass():
    with pytest.raises(ValueError, match="'opcount' needs the size of the operands: run a forward"):
        _ = ApproxMatmul().opcount
