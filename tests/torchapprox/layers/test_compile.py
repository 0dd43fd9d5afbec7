"""torch.compile may break the graph, and changes neither results nor gradients."""

import pytest
import torch
from torch import nn

from htp import factorise, fit
from multipliers import get
from tests.torchapprox.builders import converted_cnn, images, minmax_qconfig, random_multiplier
from torchapprox import Accumulator, InferenceMode, approximate, get_approx_modules

pytestmark = [
    # Dynamo looks at the gradient of every tensor that it meets,
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf"),
    # and makes an object of PyTorch's class of functions where it traces one.
    pytest.mark.filterwarnings("ignore:<class 'torch.autograd.function.Function'> should not be"),
]


def assert_compiled_equals_eager(model, batches):
    compiled = torch.compile(model, backend="aot_eager")
    for batch in batches:
        results = []
        for network in (model, compiled):
            model.zero_grad()
            y = network(batch)
            y.square().sum().backward()
            results.append([y.detach(), *(p.grad.clone() for p in model.parameters())])
        for got, wanted in zip(*results, strict=True):
            torch.testing.assert_close(got, wanted)


@pytest.mark.parametrize("mode", [InferenceMode.QUANTIZED, InferenceMode.APPROXIMATE])
def test_convolutions_and_a_linear_layer(mode):
    model = converted_cnn(random_multiplier(limit=2**8), mode=mode)
    assert_compiled_equals_eager(model, (images(3), images(5, seed=9)))


def test_other_convolutions_and_an_accumulator():
    model = nn.Sequential(
        nn.Conv1d(2, 3, 4, padding="same", padding_mode="circular"), nn.ConvTranspose1d(3, 2, 3, 2)
    )
    x = torch.randn(3, 2, 6)
    approximate(model, random_multiplier(limit=2**8), calibration=[x], qconfig=minmax_qconfig())
    model[0].wrapped.accumulator = Accumulator(14, "saturate")
    assert_compiled_equals_eager(model, [x])


@pytest.mark.parametrize("basis", ["factorised", "named", "table"])
def test_models_of_a_table(basis):
    multiplier = get("mul8s_bam_h4_v6")
    found = factorise(multiplier).model if basis == "factorised" else None
    model = converted_cnn(multiplier)
    for _, layer in get_approx_modules(model):
        layer.htp_model = found or fit(multiplier, terms=2, basis=basis)
    assert_compiled_equals_eager(model, (images(3), images(5, seed=9)))


def test_factors_of_a_table():
    model = converted_cnn(get("mul8s_bam_h4_v6"))
    for _, layer in get_approx_modules(model):
        layer.engine = "factors"
    assert_compiled_equals_eager(model, (images(3), images(5, seed=9)))
