"""Errors of a running model name the layer that they happened in."""

import pytest
import torch
from torch import nn

import multipliers
import torchapprox
from torchapprox import InferenceMode
from torchapprox.layers import Matmul

MULTIPLIER = "mul8s_tm_k2"


class Scores(nn.Module):
    """Two layers with weights, one of them twice below, and a product of two activations."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv1d(2, 3, 2), nn.Flatten(), nn.ReLU(), nn.Linear(12, 4))
        self.product = Matmul()

    def forward(self, x, y=None):
        x = self.body(x)
        return self.product(x, x.mT if y is None else y)


@pytest.fixture
def model():
    torch.manual_seed(0)
    scores = Scores()
    torchapprox.approximate(
        scores, multipliers.get(MULTIPLIER), calibration=[torch.randn(4, 2, 5) - 0.5]
    )
    return scores


CASES = {
    "another width": ((torch.ones(4, 2, 6),), r"got \(4, 15\) in layer 'body.3.wrapped'$"),
    "other channels": ((torch.ones(4, 3, 5),), r"got \(4, 3, 5\) in layer 'body.0.wrapped'$"),
    "too short": ((torch.ones(4, 2, 1),), r"got \(1,\) in layer 'body.0.wrapped'$"),
    "NaN": ((torch.full((4, 2, 5), torch.nan),), r"40 values in layer 'body.0(.wrapped)?'$"),
    "integers": ((torch.ones(4, 2, 5, dtype=torch.int64),), r"int64 in layer 'body.0'; convert it"),
    "another product": ((torch.ones(4, 2, 5), torch.ones(3, 4)), r"\(3, 4\) in layer 'product'$"),
}


@pytest.mark.bad_input("named-layer")
@pytest.mark.parametrize("grad", [True, False])
@pytest.mark.parametrize("mode", InferenceMode)
@pytest.mark.parametrize("case", CASES)
def test_errors_name_the_layer(model, case, mode, grad):
    inputs, message = CASES[case]
    for _, layer in torchapprox.get_approx_modules(model):
        layer.inference_mode = mode
    with pytest.raises((ValueError, TypeError), match=message), torch.set_grad_enabled(grad):
        model(*inputs)


@pytest.mark.bad_input("named-layer")
def test_a_recurrent_layer_and_one_within_another_model():
    model = nn.Sequential(nn.Sequential(nn.LSTM(5, 3)))
    torchapprox.approximate(model, multipliers.get(MULTIPLIER), calibration=[torch.randn(4, 2, 5)])
    with pytest.raises(ValueError, match=r"got \(4, 2, 6\) in layer '0.0'$"):
        model(torch.randn(4, 2, 6))


@pytest.mark.bad_input("named-layer")
def test_a_layer_alone_has_no_name():
    with pytest.raises(ValueError, match=r"'x' must be \(\.\.\., 3\), got \(2,\)$"):
        torchapprox.layers.ApproxLinear(3, 2)(torch.zeros(2))


@pytest.mark.bad_input("named-layer")
def test_a_quantiser_without_data_is_named(model):
    model.body[3].activation_quantiser.scale.fill_(float("inf"))
    model.body[3].activation_quantiser.disable_observer()
    with pytest.raises(ValueError, match=r"got \[inf\] in layer 'body.3.wrapped'; call"):
        model(torch.randn(4, 2, 5))
