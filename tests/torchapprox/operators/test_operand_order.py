"""Row = activation, column = weight, in every operator and layer."""

import numpy as np
import pytest
import torch
from torch import nn

from multipliers import Multiplier, code_values
from tests.torchapprox.builders import random_multiplier, wrapped
from torchapprox import lut_matmul
from torchapprox.layers import ApproxConv2d, ApproxLinear
from torchapprox.operators import (
    ApproxConv2dOp,
    ApproxGeMM,
    Conv2dArgs,
    QuantizationParameters,
)
from torchapprox.operators.backend import approx
from torchapprox.quantisation.torch_ao import set_parameters

VALUES = code_values(True)
X_ONLY = np.repeat(VALUES[:, None], 256, axis=1)
W_ONLY = np.repeat(VALUES[None, :], 256, axis=0)
ONE, ZERO = torch.tensor([1.0]), torch.tensor([0])
PARAMETERS = QuantizationParameters(ONE, ZERO, ONE, ZERO, (-128, 127), (-128, 127))


def integers(*shape, seed=0):
    values = np.random.default_rng(seed).integers(-128, 128, shape)
    return torch.from_numpy(values.astype(np.float32))


def fixed(layer, lut, weight):
    """Wrap a layer whose weights and inputs are integers that quantisation leaves as they are."""
    layer.weight.data, layer.bias = weight, None
    wrapper = wrapped(layer, Multiplier.from_lut(lut))
    set_parameters(wrapper.activation_quantiser, 1.0, 0)
    set_parameters(wrapper.wrapped.weight_fake_quant, 1.0, 0)
    return wrapper


# Activations 0..127, which the default activation quantiser takes.
X = integers(7, 5).abs().clamp(max=127)
W = integers(9, 5, seed=1)
IMAGES = integers(2, 4, 3, 3).abs().clamp(max=127)
KERNELS = integers(6, 2, 2, 2, seed=1)
CONV = Conv2dArgs(4, 6, 2, 1, 0, 1, 2)


@pytest.mark.parametrize("rows", [1, 7, 30])
def test_lut_matmul(rows):
    x, w = integers(rows, 5), W
    x_codes, w_codes = x.to(torch.int8).view(torch.uint8), w.to(torch.int8).view(torch.uint8)
    x_sums = lut_matmul(x_codes, w_codes, torch.from_numpy(X_ONLY))
    w_sums = lut_matmul(x_codes, w_codes, torch.from_numpy(W_ONLY))
    assert torch.equal(x_sums.float(), x.sum(1, keepdim=True).expand(-1, 9))
    assert torch.equal(w_sums.float(), w.sum(1).expand(rows, -1))


def test_backend():
    a, b = integers(2, 7, 5).to(torch.int8), W.T.to(torch.int8)
    y = approx(a, b, torch.from_numpy(X_ONLY))
    assert torch.equal(y, a.sum(2, keepdim=True, dtype=torch.int32).expand(-1, -1, 9))


@pytest.mark.parametrize(
    ("lut", "expected"),
    [(X_ONLY, X.sum(1, keepdim=True).expand(-1, 9)), (W_ONLY, W.sum(1).expand(7, -1))],
)
def test_linear(lut, expected):
    table = torch.from_numpy(lut)
    assert torch.equal(ApproxGeMM.apply(X, W, table, PARAMETERS, None, None), expected)
    assert torch.equal(fixed(nn.Linear(5, 9), lut, W)(X), expected)


def test_convolution_of_activations():
    ones = torch.ones_like(KERNELS)
    expected = nn.functional.conv2d(IMAGES, ones, groups=2)
    table = torch.from_numpy(X_ONLY)
    y = ApproxConv2dOp.apply(IMAGES, KERNELS, PARAMETERS, CONV, None, None, table, None)
    assert torch.equal(y, expected)
    assert torch.equal(fixed(nn.Conv2d(4, 6, 2, groups=2), X_ONLY, KERNELS)(IMAGES), expected)


def test_convolution_of_weights():
    expected = KERNELS.sum((1, 2, 3)).view(1, 6, 1, 1).expand(2, 6, 2, 2)
    table = torch.from_numpy(W_ONLY)
    y = ApproxConv2dOp.apply(IMAGES, KERNELS, PARAMETERS, CONV, None, None, table, None)
    assert torch.equal(y, expected)
    assert torch.equal(fixed(nn.Conv2d(4, 6, 2, groups=2), W_ONLY, KERNELS)(IMAGES), expected)


def test_linear_and_pointwise_convolution_are_the_same_by_hand():
    lut = random_multiplier(5).lut
    by_hand = torch.tensor(
        [
            [
                sum(int(lut[int(a) % 256, int(b) % 256]) for a, b in zip(x, w, strict=True))
                for w in W
            ]
            for x in X
        ]
    )
    linear = fixed(nn.Linear(5, 9), lut, W)(X)
    conv = fixed(nn.Conv2d(5, 9, 1), lut, W[:, :, None, None])(X[:, :, None, None])
    assert torch.equal(linear, by_hand.float())
    assert torch.equal(conv[:, :, 0, 0], by_hand.float())


@pytest.mark.parametrize("layer", [ApproxLinear(2, 2), ApproxConv2d(2, 2, 1)])
def test_a_layer_returns_the_table_in_the_order_it_was_given(layer):
    layer.lut = X_ONLY
    assert torch.equal(layer.lut, torch.from_numpy(X_ONLY))
    assert int(layer.multiplier.lut[3, 0]) == 3
